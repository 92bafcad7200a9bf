# shellcheck shell=bash
# What every network test shares: a lab of network namespaces, the witness, waiting, TAP.
# tests/README.md draws the lab. Source it from a script that runs under `set -euo pipefail`.

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(dirname "$TESTS")
# shellcheck source=tests/path.sh
. "$TESTS/path.sh"
BUILD=${BUILD:-$REPO/build}
TOOLS=$BUILD/tests/tools
KR=${KR:-$BUILD/kumo-redirect}
KR_SINK=${KR_SINK:-$BUILD/kumo-sink}

# Addresses of the lab. Everything that is not named here belongs to inet.
HOST4=192.0.2.2 HOST6=2001:db8:1::2
GW4=192.0.2.1 GW6=2001:db8:1::1
HOST_LAN4=192.168.1.1 HOST_LAN6=fd00:25::1
LAN4=192.168.1.10 LAN6=fd00:25::10
LAN_NET4=192.168.1.0/24 LAN_NET6=fd00:25::/64
CONT4=172.30.0.2 CONT6=fd00:30::2
UP1_HOST4=100.64.1.2 UP1_HOST6=2001:db8:2::2
UP1_GW4=100.64.1.1 UP1_GW6=2001:db8:2::1
IN0_MAC=02:00:00:00:01:01 IN1_MAC=02:00:00:00:02:01
# Mail exchangers: documentation addresses, and some that look like the real ones.
MX4=203.0.113.5 MX6=2001:db8:f00::25
MX4B=142.250.27.27 MX6B=2a00:1450:4025:c01::1b

die() {
    echo "# $*" >&2
    exit 99
}

# ---- waiting -------------------------------------------------------------------------------------

# Nothing is ever written to it: a pause without a program, for programs are most of what a test costs.
exec {NEVER}<> <(:)
pause() { read -rt "$1" -u "$NEVER" || true; }

# wait_for SECONDS COMMAND...: until the command succeeds; 1 when the time is over. Asks after 5 ms,
# later less often, at last every 50.
wait_for() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000)) ms=5
    shift
    until "$@"; do
        ((${EPOCHREALTIME/./} < end)) || return 1
        pause "0.0$((ms / 10))$((ms % 10))"
        ((ms >= 50)) || ms=$((ms + ms / 4 + 1))
    done
}

# await_line FILE REGEX [FROM-LINE] [SECONDS]
await_line() {
    wait_for "${4:-5}" line_is_there "$1" "$2" "${3:-1}"
}

line_is_there() {
    local lines line
    [[ -r $1 ]] || return
    mapfile -t -s "$(($3 - 1))" lines <"$1"
    for line in "${lines[@]}"; do
        [[ $line =~ $2 ]] && return
    done
    return 1
}

# ---- cgroups -------------------------------------------------------------------------------------

# The machine's hierarchy, but a folder of our own in it.
CGROUP=
cgroup_new() {
    CGROUP=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
    [[ -n $CGROUP ]] || return
    CGROUP+=/$LAB
    mkdir "$CGROUP"
}
cgroup_gone() {
    [[ -z $CGROUP || ! -d $CGROUP ]] || wait_for 5 cgroup_remove || true
}
cgroup_remove() { # what was just killed may still be in it
    find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
}

# ---- cleaning up ---------------------------------------------------------------------------------

LAB_PIDS=()
LAB_NS=()
LAB_DIR=
LAB_RAM=

lab_cleanup() {
    local status=$? ns
    set +e # a process that is gone already is no reason to leave the rest
    trap - EXIT
    trap "" INT TERM HUP # half a cleaning up would leave namespaces behind
    for ns in "${LAB_NS[@]}"; do
        ns_remove "$ns"
    done
    ((${#LAB_PIDS[@]})) && kill "${LAB_PIDS[@]}" 2>/dev/null
    cgroup_gone
    if [[ -n $LAB_DIR && -z ${KEEP:-} ]]; then
        wait_for 5 rm -rf "$LAB_DIR" ${LAB_RAM:+"$LAB_RAM"} # what was just killed may still write a file
    fi
    exit "$status"
}

# lab_ram: LAB_RAM is a folder in memory, where a sync costs nothing, or the lab's own where there is none.
lab_ram() {
    LAB_RAM=$LAB_DIR
    [[ $(stat -fc %T /dev/shm 2>/dev/null) == tmpfs && -w /dev/shm ]] || return 0
    LAB_RAM=/dev/shm/${LAB_DIR##*/}
    mkdir -p "$LAB_RAM"
}

# Everything in the namespaces was started by this run, nobody else uses them.
ns_kill() {
    local pids
    pids=$(ip netns pids "$1" 2>/dev/null) || return 0
    # shellcheck disable=SC2086
    [[ -z $pids ]] || kill -9 $pids 2>/dev/null || true
}

ns_remove() {
    ns_kill "$1"
    ip netns del "$1" 2>/dev/null || true
}

# Not in the caller's shell: runs a program inside a namespace.
in_ns() {
    local ns=$1
    shift
    ip netns exec "$ns" "$@"
}

# spawn NAME NS COMMAND...: in the background, output to $LAB_DIR/NAME.log; the pid is left in SPAWNED.
spawn() {
    local name=$1 ns=$2
    shift 2
    : >"$LAB_DIR/$name.log" # before the job opens it, it would still say what the last one of this name said
    ip netns exec "$ns" "$@" <&0 >>"$LAB_DIR/$name.log" 2>&1 & # a job would get /dev/null
    SPAWNED=$!
    LAB_PIDS+=("$SPAWNED")
    disown "$SPAWNED"
}

# spawn_ready: the same, and waits for the program's line "ready".
spawn_ready() {
    spawn "$@"
    await_line "$LAB_DIR/$1.log" '^ready' 1 20 || die "$1 did not start: $(cat "$LAB_DIR/$1.log")"
}

# ---- the lab -------------------------------------------------------------------------------------

# lab_init [TAG]: names and folder of this lab; several may run side by side.
lab_init() {
    ((EUID == 0)) || die "the network tests need root"
    [[ -x $TOOLS/witness ]] || die "no $TOOLS/witness: run make tools first"
    LAB=kr$BASHPID${1:-}
    H=$LAB-host I=$LAB-inet L=$LAB-lan C=$LAB-cont
    LAB_DIR=$(mktemp -d "/tmp/$LAB.XXXXXX")
    trap lab_cleanup EXIT
    trap 'exit 130' INT TERM HUP
}

ns_add() {
    ip netns add "$1"
    LAB_NS+=("$1")
    # Numbers are used again: what an ended lab left behind is not about this one.
    rm -f "/run/kumo-redirect/$(stat -Lc %i "/run/netns/$1")".*
    in_ns "$1" sysctl -qw net.ipv6.conf.{all,default}.{accept_dad,accept_ra}=0
    ip -n "$1" link set lo up
}

# Routes that make every address an address of inet: a listener on [::] is then any host one names.
lab_world() {
    ns_add "$I"
    ns_add "$L"
    in_ns "$I" sysctl -qw net.ipv4.tcp_fastopen=2
    in_ns "$L" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.{all,default}.accept_source_route=1 \
        net.ipv6.conf.{all,default}.accept_source_route=1 net.ipv6.conf.all.forwarding=1 \
        net.ipv6.conf.{all,default}.seg6_enabled=1
    ip -batch - <<END
link add name inl netns $I type veth peer name lx0 netns $L
link add name mk0 netns $I type veth peer name mk1 netns $I
link add name mk0 netns $L type veth peer name mk1 netns $L
END
    ip -n "$I" -batch - <<END
link set inl up
link set mk0 up
link set mk1 up
addr add 10.99.0.1/30 dev inl
addr add fd00:99::1/64 dev inl nodad
route add local 0.0.0.0/0 dev lo table main
route add local ::/0 dev lo table main
END
    ip -n "$L" -batch - <<END
link set lx0 up
link set mk0 up
link set mk1 up
addr add 10.99.0.2/30 dev lx0
addr add fd00:99::2/64 dev lx0 nodad
route add default via 10.99.0.1
route add default via fd00:99::1
END
    spawn_ready real-mx "$I" "$TOOLS/sockd" -n real-mx -p 25 -p 26 -p 2526 -t
    REAL_MX=$SPAWNED
    spawn_ready lan-smtp "$L" "$TOOLS/sockd" -n lan-smtp -p 25
}

# The host under test and what hangs on it. Made new for every test: nothing can be left behind.
lab_host() {
    ns_add "$H"
    ns_add "$C"
    in_ns "$H" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    ip -batch - <<END
link add name up0 address 02:00:00:00:01:02 netns $H type veth peer name in0 address $IN0_MAC netns $I
link add name up1 address 02:00:00:00:02:02 netns $H type veth peer name in1 address $IN1_MAC netns $I
link add name lan0 netns $H type veth peer name l0 netns $L
link add name c0h netns $H type veth peer name c0 netns $C
link add name c1h netns $H type veth peer name c1 netns $C
END
    ip -n "$H" -batch - <<END
link add br0 type bridge
link set c0h master br0 up
link set br0 up
link set lan0 up
link set up0 up
addr add $HOST4/24 dev up0
addr add $HOST6/64 dev up0 nodad
addr add $HOST_LAN4/24 dev lan0
addr add $HOST_LAN6/64 dev lan0 nodad
addr add 172.30.0.1/24 dev br0
addr add fd00:30::1/64 dev br0 nodad
route add default via $GW4
route add default via $GW6
END
    ip -n "$C" -batch - <<END
link set c0 up
addr add $CONT4/24 dev c0
addr add $CONT6/64 dev c0 nodad
route add default via 172.30.0.1
route add default via fd00:30::1
END
    ip -n "$I" -batch - <<END
link set in0 up
link set in1 up
addr add $GW4/24 dev in0
addr add $GW6/64 dev in0 nodad
addr add $UP1_GW4/24 dev in1
addr add $UP1_GW6/64 dev in1 nodad
route add 172.30.0.0/24 via $HOST4
route add fd00:30::/64 via $HOST6
END
    ip -n "$L" -batch - <<END
link set l0 up
addr add $LAN4/24 dev l0
addr add $LAN6/64 dev l0 nodad
END
}

lab_host_gone() {
    ns_kill "$H"
    ns_kill "$C"
    # The veth pairs go first, so that the names are free at once on the other side.
    ip -n "$I" -batch - <<END 2>/dev/null || true
link del in0
link del in1
END
    ip -n "$L" link del l0 2>/dev/null || true
    ip netns del "$H" 2>/dev/null || true
    ip netns del "$C" 2>/dev/null || true
}

# The second uplink is there but down and without an address until a test wants it.
second_uplink() {
    ip -n "$H" -batch - <<END
link set up1 up
addr add $UP1_HOST4/24 dev up1
addr add $UP1_HOST6/64 dev up1 nodad
END
}

# ---- the witness ---------------------------------------------------------------------------------

MARKS=0

witness_start() {
    local sinks=(-s 198.18.25.0/24 -s 2001:2:0:25::/64 -s 127.0.0.0/8 -s ::1/128)
    spawn_ready witness-inet "$I" "$TOOLS/witness" -p 25 "${sinks[@]}"
    WITNESS_PIDS=("$SPAWNED")
    spawn_ready witness-lan "$L" "$TOOLS/witness" -p 25 "${sinks[@]}" \
        -x "$LAN_NET4" -x "$LAN_NET6" -x 10.99.0.0/30 -x fd00:99::/64
    WITNESS_PIDS+=("$SPAWNED")
    mkfifo "$LAB_DIR/mark-inet" "$LAB_DIR/mark-lan"
    exec {MARK_INET}<>"$LAB_DIR/mark-inet" {MARK_LAN}<>"$LAB_DIR/mark-lan"
    spawn_ready marker-inet "$I" "$TOOLS/mark" mk1 mk0 <&"$MARK_INET"
    spawn_ready marker-lan "$L" "$TOOLS/mark" mk1 mk0 <&"$MARK_LAN"
}

# witness_mark: draws a line in both logs; whatever was sent before is above it. Fails when a witness
# is dead or lost frames: then nothing it did not say means anything.
witness_mark() {
    local text ns
    MARKS=${EPOCHREALTIME/./} # never the same twice, in a subshell either
    text=m$MARKS
    echo "$text" >&"$MARK_INET"
    echo "$text" >&"$MARK_LAN"
    for ns in inet lan; do
        await_line "$LAB_DIR/witness-$ns.log" "^mark $text drops=0\$" || return 1
    done
    kill -0 "${WITNESS_PIDS[@]}"
}

# witness_said FROM TO: the lines between two marks, both namespaces.
witness_said() {
    local ns
    for ns in inet lan; do
        sed -n "/^mark m$1 /,/^mark m$2 /p" "$LAB_DIR/witness-$ns.log" | grep -v '^mark ' || true
    done
}

# ---- TAP -----------------------------------------------------------------------------------------

TAP_N=0
TAP_BAD=0

tap_ok() {
    TAP_N=$((TAP_N + 1))
    echo "ok $TAP_N - $*"
}

tap_not_ok() {
    TAP_N=$((TAP_N + 1))
    TAP_BAD=$((TAP_BAD + 1))
    echo "not ok $TAP_N - $*"
}

tap_skip() {
    TAP_N=$((TAP_N + 1))
    echo "ok $TAP_N - $1 # SKIP $2"
}

# tap_check NAME COMMAND...
tap_check() {
    local name=$1
    shift
    if "$@"; then tap_ok "$name"; else tap_not_ok "$name"; fi
}

tap_note() {
    sed 's/^/# /' <<<"$*"
}

tap_done() {
    echo "1..$TAP_N"
    ((TAP_BAD == 0))
}
