#!/usr/bin/env bash
# watch: who owns the tables, what it mends, what it tells and how, and that nothing gets out meanwhile.
# The witnesses outside are the oracle.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-watch.sh
. "$(dirname "$0")/lib-watch.sh"

STORM=${STORM:-3000} # changes by others; make bench wants more of them,
IDLE=${IDLE:-0}      # and seconds in which it measures a watch with nothing to do

# ---- ownership -----------------------------------------------------------------------------------

refused() { # COMMAND...: the kernel refuses it, or it leaves our tables alone
    host "$@" >/dev/null 2>&1 || true
    status_is 0
}

test_owned() {
    local from
    tap_check "a watch with nothing to watch is refused" fails 1 watch
    tap_check "and says so" says "up first"
    kr up -q
    start_watch owner
    tap_check "the tables are held" told 'the tables are held'
    tap_check "status accepts them" status_is 0
    kr status >"$LAB_DIR/out"
    tap_check "and names the watch" grep -q "by process $WATCH since .* owns the tables" "$LAB_DIR/out"
    tap_check "a second watch is refused" fails 3 watch
    tap_check "and names the first" says "process $WATCH"
    from=$(($(lines) + 1))
    tap_check "flush ruleset leaves them" refused nft flush ruleset
    tap_check "delete is refused" refused nft delete table inet kumo_redirect
    tap_check "delete of the fence is refused" refused nft delete table netdev kumo_redirect
    tap_check "a rule inserted is refused" refused nft insert rule inet kumo_redirect guard_output accept
    tap_check "an element is refused" refused nft add element inet kumo_redirect lan4 '{ 203.0.113.0/24 . "up0" }'
    tap_check "dormant is refused" refused nft add table inet kumo_redirect '{ flags dormant ; }'
    tap_check "an own chain in it is refused" refused nft add chain inet kumo_redirect away
    tap_check "none of it was a breach" not_told '"breach":true' "$from"
    witness_mark
    from=$MARKS
    attack_start bound
    kill -9 "$WATCH"
    wait_for 5 gone
    tap_check "after SIGKILL the guards stand" status_is 0
    tap_check "and the redirect works" served
    tap_check "a new watch takes them again" start_watch owner2
    tap_check "and owns them" told 'the tables are held'
    end_watch
    attack_end
    tap_check "after SIGTERM the guards stand" status_is 0
    tap_check "nothing got out meanwhile" unseen "$from"
    host nft flush ruleset
    tap_check "now they can be flushed" status_is 1
    kr up -q
    tap_check "and put up again" status_is 0
    kr down -q
}
not_told() { ! tail -n "+$2" "$LOG" | grep -E -- "$1"; }

# ---- giving way to up and down -------------------------------------------------------------------

test_gives_way() {
    local from n
    kr up -q
    start_watch way
    witness_mark
    from=$MARKS
    attack_start bound
    kr up -q --block-port 587
    tap_check "up with other settings works meanwhile" told '"event":"owned"'
    tap_check "its settings stand" status_is 0
    n=$(($(lines) + 1))
    kr up -q --block-port 587
    tap_check "up with the same settings too" told '"event":"owned"' "$n"
    tap_check "the tables are owned again" told_owned
    kr up -q --block
    tap_check "and blocked" wait_for 3 told_owned
    attack_end
    tap_check "nothing got out meanwhile" unseen "$from"
    tap_check "none of it was a breach" not_told '"breach":true' 1
    tap_check "down works" kr down -q
    tap_check "and ends the watch" wait_for 5 gone
    tap_check "which says why" told 'down was run'
    tap_check "nothing is left" test "$(mode)" = off
    kr up -q
    start_watch stopped
    kill -STOP "$WATCH"
    tap_check "a watch that does not answer: down is refused" fails 3 down
    tap_check "and names it" says "process $WATCH"
    kill -CONT "$WATCH"
    tap_check "the guards stand" wait_for 3 status_is 0
    end_watch
    kr down -q
}
told_owned() { kr status --format json | jq -e .watch.owns >/dev/null; }

# ---- devices, addresses, the record ------------------------------------------------------------

test_devices() {
    local n
    kr up -q
    start_watch devices
    n=$(kr status --format json | jq '.plan.lan | length')
    ip -n "$H" link set lan0 down
    tap_check "an exemption goes with its device" told 'exempt no more'
    tap_check "and the rest stands" wait_for 3 status_is 0
    ip -n "$H" link set lan0 up
    ip -n "$H" addr add 192.168.77.1/24 dev lan0
    ip -n "$H" addr add 10.77.0.1/24 dev c0h
    tap_check "none comes or comes back" lan_is_less "$n"
    ip -n "$H" addr del "$HOST4/24" dev up0
    tap_check "a source address that is gone is no source any more" told 'IPv4: '
    ip -n "$H" addr add "$HOST4/24" dev up0
    ip -n "$H" route add default via "$GW4"
    tap_check "and one again when it is back" told "the failsafe sends from $HOST4 now"
    tap_check "all stands" wait_for 3 status_is 0
    tap_check "the redirect works" served
    rm -f "$(record json)"
    kill -HUP "$WATCH"
    tap_check "a record that was removed is written again" told '"id":"record"'
    tap_check "and holds" wait_for 3 status_is 0
    ip -n "$H" rule add pref 7 lookup main
    tap_check "a rule put ahead is told" told '"broken","breach":true,"id":"failsafe"'
    tap_check "and left alone" rule_is_there
    ip -n "$H" rule del pref 7
    tap_check "and told when it is gone" told '"cleared","breach":false,"id":"failsafe"'
    end_watch
    kr down -q
}
lan_is_less() { (($(kr status --format json | jq '.plan.lan | length') < $1)); }
rule_is_there() { ip -n "$H" rule | grep '^7:' >/dev/null; }

# ---- storms --------------------------------------------------------------------------------------

# Of the watch and of the process that runs its checks.
cpu_ms() {
    local pid
    for pid in "$WATCH" $(pgrep -P "$WATCH"); do
        cat "/proc/$pid/stat"
    done | awk '{ sub(/.*\) /, ""); t += ($12 + $13) * 10 } END { print t + 0 }'
}
storm() { # N changes by others, each a transaction
    awk -v n="$1" 'BEGIN { print "add table inet other"
        for (i = 0; i < n / 2; i++) print "add chain inet other c\ndelete chain inet other c"
        print "delete table inet other" }' >"$LAB_DIR/storm"
    in_ns "$H" nft -i <"$LAB_DIR/storm" >/dev/null 2>&1
}

test_storm() {
    local before after began ended n
    kr up -q
    start_watch storm
    before=$(cpu_ms) began=${EPOCHREALTIME/./}
    storm "$STORM"
    after=$(cpu_ms) ended=${EPOCHREALTIME/./}
    tap_note "$STORM foreign changes in $(((ended - began) / 1000)) ms; the watch used $((after - before)) ms"
    n=$(($(lines) + 1))
    ip -n "$H" rule del pref 25
    tap_check "right after them it mends at once" told '"repaired"' "$n" 1
    tap_check "and all stands" wait_for 3 status_is 0
    kill -STOP "$WATCH"
    storm 10000
    ip -n "$H" rule del pref 25
    kill -CONT "$WATCH"
    tap_check "lost events are told" told '"event":"lost"'
    tap_check "and everything is read again" wait_for 3 status_is 0
    end_watch
    kr down -q
}

# ---- the sink, raising, the service manager ------------------------------------------------------

test_sink() {
    local from
    kr up -q
    start_watch sink
    witness_mark
    from=$MARKS
    attack_start bound
    kill -9 "$(kr status --format json | jq .sink_pid)"
    tap_check "the sink killed: blocked" told '"blocked","breach":true'
    tap_check "which stands" wait_for 3 status_is 0
    tap_check "and is recorded" test "$(mode)" = blocked
    attack_end
    tap_check "nothing got out meanwhile" unseen "$from"
    kr up -q
    tap_check "up brings the redirect back" served
    tap_check "and is watched" wait_for 3 told_owned
    end_watch
    kr down -q
}

test_raises() {
    local n
    cat >"$LAB_DIR/hook" <<END
#!/bin/sh
[ ! -e $LAB_DIR/hooked/out ] || exit 0 # the first event is looked at
{ id -u; grep CapEff /proc/self/status; cat; } >$LAB_DIR/hooked/out.tmp
mv $LAB_DIR/hooked/out.tmp $LAB_DIR/hooked/out
END
    chmod 755 "$LAB_DIR" "$LAB_DIR/hook"
    mkdir -m 777 "$LAB_DIR/hooked"
    spawn victim "$H" bash -c 'trap "echo got" USR1; echo ready; while :; do sleep 1 & wait; done'
    await_line "$LAB_DIR/victim.log" ready
    kr up -q
    start_watch raise --hook "$LAB_DIR/hook" --signal "$SPAWNED"
    ip -n "$H" rule del pref 25
    tap_check "the hook runs" wait_for 5 test -e "$LAB_DIR/hooked/out"
    tap_check "as nobody" grep -qx 65534 "$LAB_DIR/hooked/out"
    tap_check "without a capability" grep -qE '^CapEff:\s0+$' "$LAB_DIR/hooked/out"
    tail -n 1 "$LAB_DIR/hooked/out" >"$LAB_DIR/event.json"
    tap_check "and reads the event" holds '.event == "repaired" and .breach and .id == "failsafe"' "$LAB_DIR/event.json"
    tap_check "as its schema says" "$ANSWERS" schema "$REPO/contrib/schema/event.schema.json" "$LAB_DIR/event.json"
    tap_check "the process is signalled" await_line "$LAB_DIR/victim.log" got
    cp "$LOG" "$LAB_DIR/all.log"
    tap_check "every line is as its schema says" all_valid
    tap_check "the log in the state folder has the same lines" log_has_them
    end_watch
    tap_check "a hook that is no program is refused" fails 2 watch --hook "$LAB_DIR/nothing"
    tap_check "and quoted" says "$LAB_DIR/nothing"
    tap_check "a hook without a full path is refused" fails 2 watch --hook hook
    tap_check "a process that is none is refused" fails 2 watch --signal 4194304
    start_watch exits --exit-on-breach
    ip -n "$H" rule del pref 25
    n=0
    wait_for 5 gone
    wait "$WATCH" 2>/dev/null || n=$?
    tap_check "--exit-on-breach ends it" gone
    tap_check "with the guards up and mended" status_is 0
    ip -n "$H" rule add pref 7 lookup main
    tap_check "and with status 5" fails 5 watch --exit-on-breach
    ip -n "$H" rule del pref 7
    kr down -q
}
holds() { jq -e "$@" >/dev/null; }
all_valid() {
    local line
    while read -r line; do
        echo "$line" >"$LAB_DIR/line.json"
        "$ANSWERS" schema "$REPO/contrib/schema/event.schema.json" "$LAB_DIR/line.json" || return 1
    done <"$LAB_DIR/all.log"
}
log_has_them() {
    ! grep -vxFf "$(record events.jsonl)" "$LAB_DIR/all.log"
}

test_manager() {
    kr up -q
    spawn manager "$H" python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True: print(s.recv(4096).decode().replace("\n", " "), flush=True)' "$LAB_DIR/notify"
    await_line "$LAB_DIR/manager.log" ready 1 20
    NOTIFY_SOCKET=$LAB_DIR/notify WATCHDOG_USEC=400000 start_watch managed
    tap_check "it says that it is ready" await_line "$LAB_DIR/manager.log" '^READY=1'
    tap_check "it pings the watchdog" await_line "$LAB_DIR/manager.log" '^WATCHDOG=1'
    kill -STOP "$WATCH"
    kill -CONT "$WATCH"
    end_watch
    tap_check "it says that it ends" await_line "$LAB_DIR/manager.log" '^STOPPING=1'
    kr down -q
    if [[ -x /usr/bin/systemd-analyze ]]; then
        sed "s|=kumo-redirect|=$KR|" "$REPO/contrib/systemd/kumo-redirect-watch.service" >"$LAB_DIR/kumo-redirect-watch.service"
        tap_check "systemd finds no fault with the unit" quiet systemd-analyze verify --man=no "$LAB_DIR/kumo-redirect-watch.service"
    else
        tap_skip "systemd finds no fault with the unit" "no systemd-analyze"
    fi
}
quiet() {
    local said
    said=$("$@" 2>&1) || true
    [[ -z $said ]] || { tap_note "$said"; return 1; }
}

# ---- what has no event ---------------------------------------------------------------------------

test_polled() {
    local before after began
    kr up -q
    start_watch polled
    began=${EPOCHREALTIME/./}
    host iptables-legacy -t nat -A OUTPUT -p tcp --dport 25 -j ACCEPT
    tap_check "a legacy table, of which there is no event, is told" told '"broken","breach":true,"id":"check legacy-tables"'
    tap_note "after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
    in_ns "$H" "$TOOLS/rawsyn" -d up0 -M "$IN0_MAC" "$HOST4" 4000 "$MX4" 25 >/dev/null 2>&1 || true
    tap_check "what a guard stopped is counted" told '"counted","breach":false'
    if ((IDLE)); then
        before=$(cpu_ms)
        sleep "$IDLE" # bounded: the time over which CPU is measured
        after=$(cpu_ms)
        tap_note "idle: $((after - before)) ms of CPU in $IDLE s"
    fi
    end_watch
    kr down -q
}

# What no packet rule can stop, when it appears while a watch runs.
#   appears NAME CHECK COMMAND...: the command puts it there and goes on in the background; after
#   "beside" it runs beside the namespaces, whose /sys has no cgroups
appears() {
    local name=$1 id=$2 from began ms
    shift 2
    from=$(($(lines) + 1))
    began=${EPOCHREALTIME/./}
    if [[ $1 == beside ]]; then
        "${@:2}" >/dev/null &
        SPAWNED=$!
        LAB_PIDS+=("$SPAWNED")
    else
        spawn tamper "$H" "$@"
    fi
    tap_check "$name is told by $id" told '"broken","breach":true,"id":"check '"$id"'"' "$from" 10
    ms=$(((${EPOCHREALTIME/./} - began) / 1000))
    tap_note "$name: after $ms ms"
    kill "$SPAWNED" 2>/dev/null || true
}

test_unstoppable() {
    local match=(protocol ip u32 match ip dport 25 0xffff)
    kr up -q
    start_watch unstoppable
    appears "an XDP program" xdp-programs "$TOOLS/bpfload" xdp c0h redirect up0
    appears "an AF_XDP socket" xdp-sockets "$TOOLS/bpfload" xsk
    host tc qdisc add dev br0 clsact
    appears "tc mirred" tc-filters tc filter add dev br0 ingress "${match[@]}" action mirred egress redirect dev up0
    host tc qdisc del dev br0 clsact
    appears "a route that runs a program" lwt-programs "$TOOLS/bpfload" lwt up0 198.51.100.0 24
    appears "another NAT chain first" nat-order \
        nft 'table inet away { chain o { type nat hook output priority -199; tcp dport 25 dnat ip to '"$MX4B"':2526; }; }'
    if cgroup_new; then
        appears "a program on a cgroup" cgroup-bpf beside "$TOOLS/bpfload" cgroup "$CGROUP" connect4
        cgroup_gone
    else
        tap_skip "a program on a cgroup" "cgroup2 is not mounted on this machine"
    fi
    end_watch
    host nft delete table inet away 2>/dev/null || true
    ip -n "$H" route del 198.51.100.0/24 2>/dev/null || true
    kr down -q
}

lab_init w
run_parts "${1:-}" owned gives_way devices storm sink raises manager polled unstoppable
