#!/usr/bin/env bash
# The checks of devices, other namespaces and packet sockets against the real things: each tamper has
# to be reported by its own check and by no other. All of it runs in process, mount and network
# namespaces of its own, as in a container: what else this machine has does not show.
set -euo pipefail
if [[ -z ${CHECKS_LINK_INSIDE:-} ]]; then
    ((EUID == 0)) || { echo "# the network tests need root" >&2 && exit 99; }
    export CHECKS_LINK_INSIDE=1
    exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0"
fi
umount -R -l /run/netns 2>/dev/null || true
mkdir -p /run/netns
mount -t tmpfs none /run/netns
mkdir -p /run/kumo-redirect
mount -t tmpfs none /run/kumo-redirect
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
make -s -C "$REPO" BUILD="$BUILD" "$BUILD/tests/unit/facts/driver_link" >&2 || die "no driver"
DRIVER=$BUILD/tests/unit/facts/driver_link

lab_init -link
ns_add "$H"
ns_add "$I"
ns_add "$C"
X=$LAB-x Y=$LAB-y
in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
ip -batch - <<END
link add name up0 netns $H type veth peer name in0 netns $I
link add name c0h netns $H type veth peer name c0 netns $C
END
ip -n "$H" -batch - <<END
link add br0 type bridge
link set c0h master br0 up
link set br0 up
link set up0 up
addr add $HOST4/24 dev up0
addr add 172.30.0.1/24 dev br0
route add default via $GW4
END
ip -n "$C" -batch - <<END
link set c0 up
addr add $CONT4/24 dev c0
route add default via 172.30.0.1
END
ip -n "$I" -batch - <<END
link set in0 up
addr add $GW4/24 dev in0
END

# look [OPTION...]: what the checks say, in $OUT.
look() {
    OUT=$(in_ns "$H" timeout 20 "$DRIVER" "$@" 2>&1) || OUT+=$'\n'"status $?"
}

# The checks that do not hold: "ID VERDICT" for each, joined by commas.
not_holding() {
    grep -E '^[a-z]' <<<"$OUT" | grep -v ' holds$' | paste -sd, || true
}

# says NAME 'CHECK VERDICT[,...]' ['PATTERN']: these and no others, and PATTERN (extended) is a line.
says() {
    local name=$1 want=$2 pattern=${3:-.} got
    got=$(not_holding)
    if [[ $got == "$want" ]] && grep -qE -- "$pattern" <<<"$OUT"; then tap_ok "$name"; else
        tap_not_ok "$name"
        tap_note "wanted: '$want' and a line like $pattern"
        tap_note "got: '$got'"
        tap_note "$OUT"
    fi
}

# hold NAME NS CODE...: a Python program that does CODE, says "ready" and waits.
hold() {
    local name=$1 ns=$2
    shift 2
    spawn "$name" "$ns" python3 -uIS -c "
import ctypes, fcntl, os, signal, socket, struct, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
def enter(ns):
    fd = os.open('/run/netns/' + ns, os.O_RDONLY)
    assert libc.setns(fd, 0x40000000) == 0
def tap(name, flags=0x1002):
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', name.encode(), flags))
    return fd
def comm(name):
    open('/proc/self/comm', 'w').write(name)
$*
print('ready')
signal.pause()"
    HELD=$SPAWNED
    await_line "$LAB_DIR/$name.log" '^ready' 1 60 || die "$name did not start: $(<"$LAB_DIR/$name.log")"
}

release() {
    kill "$HELD" 2>/dev/null || true
    wait_for 5 held_is_gone || die "process $HELD does not end"
}

held_is_gone() { ! kill -0 "$HELD" 2>/dev/null; }

# ---- as it should be ------------------------------------------------------------------------------

look
says "a host with a bridge and a container: everything holds" "" "holds namespaces: 3 have no way out"

# ---- devices --------------------------------------------------------------------------------------

ip -n "$H" -batch - <<END
link add n0 type veth peer name n1
link set n0 up
route add 198.51.100.0/24 dev n0
END
look -u up0
says "a device that got a route: new-devices" "new-devices broken" "broken n0: it leads out.* dev=n0"
ip -n "$H" link del n0
in_ns "$H" timeout 20 "$DRIVER" -s "$LAB_DIR/step" >"$LAB_DIR/step.log" 2>&1 &
STEP=$!
wait_for 5 test -e "$LAB_DIR/step" || die "the driver does not start"
ip -n "$H" link set up0 down
ip -n "$H" link set up0 name up9
ip -n "$H" link set up9 up
ip -n "$H" route add default via $GW4
: >"$LAB_DIR/step.go"
wait "$STEP" || true
OUT=$(<"$LAB_DIR/step.log")
says "an uplink with another name: new-devices" "new-devices broken" "broken up9: .*the fence is for up0"
ip -n "$H" link set up9 down
ip -n "$H" link set up9 name up0
ip -n "$H" link set up0 up
ip -n "$H" route add default via $GW4

# ---- packet and raw sockets -----------------------------------------------------------------------

hold packet "$H" "
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(('up0', 3))
t = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
t.setsockopt(263, 13, struct.pack('4I', 4096, 1, 2048, 2))  # SOL_PACKET, PACKET_TX_RING
r = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 89)"
look
says "packet sockets and a raw one: named, and the fence holds" "" \
    "holds packet socket of python3: bound to up0, ethertype 0x0003: .* dev=up0 pid=$HELD\$"
says "the unbound one with its transmit ring" "" \
    "holds packet socket of python3: bound to no device, .*with a transmit ring: .* pid=$HELD\$"
says "the raw one" "" "holds raw socket of python3: IPv6, protocol 89: .* pid=$HELD\$"
look -n
says "without a fence: packet-sockets" "packet-sockets broken" "broken packet socket of python3: bound to up0"
release

# ---- bridges --------------------------------------------------------------------------------------

ip -n "$H" link set up0 master br0
look
says "an uplink that is a port beside a container's: the fence holds" "" "holds br0: what its 1 other"
look -n
says "without a fence: bridge-ports" "bridge-ports broken" "broken br0: its port up0 leads out"
ip -n "$H" link set up0 nomaster
ip -n "$H" link add vx0 type vxlan id 5 remote $GW4 dstport 4789
ip -n "$H" link set vx0 master br0 up
look -u up0
says "a tunnel that is a port beside a container's: bridge-ports" "bridge-ports broken" \
    "broken br0: its port vx0 .vxlan. wraps up the frames of 1 other"
ip -n "$H" link del vx0

# ---- children of uplinks --------------------------------------------------------------------------

ip -n "$H" link add mv0 link up0 type macvlan mode bridge
ip -n "$H" link add mt0 link up0 type macvtap mode bridge
ip -n "$H" link set mv0 netns "$C"
ip -n "$C" link set mv0 up
look
says "macvlan in a container: the fence holds" "" \
    "holds mv0 in namespace .*$C: macvlan: what it sends meets the fence on up0"
says "macvtap here: the fence holds" "" "holds mt0: macvtap: what it sends meets the fence on up0"
look -n
says "without a fence: link-children" "link-children broken" "broken mv0 in namespace .* dev=up0"
ip -n "$C" link del mv0
ip -n "$H" link del mt0

# ---- other namespaces -----------------------------------------------------------------------------

ip -n "$C" link add vx1 type vxlan id 6 remote 172.30.0.1 dstport 4789
look
says "a tunnel in a container that is down: everything holds" ""
ip -n "$C" link set vx1 up
look
says "a tunnel in a container: other-namespaces" "other-namespaces broken" \
    "broken namespace /run/netns/$C: vx1 there .vxlan. wraps packets up"
ns_add "$X"
ip link add name x0 netns "$X" type veth peer name x1 netns "$C"
ip -n "$X" link set x0 up
ip -n "$C" link set x1 up
look
says "and a namespace behind that one" "other-namespaces broken" \
    "broken namespace /run/netns/$X: by x0 there to the namespace /run/netns/$C, which has vx1"
ip -n "$C" link del vx1
look
says "a namespace behind a container that has only us: everything holds" "" "holds namespaces: 4 have"
ns_remove "$X"
ip -n "$H" link add vx2 type vxlan id 7 remote $GW4 dstport 4790
ip -n "$H" link set vx2 netns "$C"
ip -n "$C" link set vx2 up
look
says "a tunnel of a container that sends by us: other-namespaces" "other-namespaces broken" "broken .*vx2 there"
ip -n "$C" link del vx2

hold tap "$C" "t = tap('tap0')"
ip -n "$C" link set tap0 up
look
says "a program behind a tap in a container: other-namespaces" "other-namespaces unknown" \
    "unknown namespace .*$C: tap0 there: what python3 .process $HELD. does"
release
hold pasta "$H" "
comm('pasta')
here = os.open('/proc/self/ns/net', os.O_RDONLY); enter('$C'); t = tap('tap0'); libc.setns(here, 0)"
ip -n "$C" link set tap0 up
look
says "pasta behind it, with its sockets here: everything holds" ""
release
ip -n "$C" tuntap add tap1 mode tap
look
says "a tap that nobody holds: everything holds" ""
ip -n "$C" link del tap1

hold stray "$H" "
done = threading.Event()
def away():
    assert libc.unshare(0x40000000) == 0
    subprocess.run(['ip', 'link', 'add', 'vx3', 'type', 'vxlan', 'id', '8', 'dstport', '4791'], check=True)
    subprocess.run(['ip', 'link', 'set', 'vx3', 'up'], check=True)
    done.set()
    threading.Event().wait()
threading.Thread(target=away, daemon=True).start()
assert done.wait(10)"
look
says "a namespace that only a thread is in: other-namespaces" "other-namespaces broken" \
    "broken namespace of python3 .process [0-9]+.: vx3 there .* pid=$HELD\$"
release

ns_add "$Y"
ip -n "$Y" link add vx4 type vxlan id 9 remote 192.0.2.1 dstport 4789
hold foreign "$H" "
here = os.open('/proc/self/ns/net', os.O_RDONLY); enter('$Y')
l = socket.create_server(('127.0.0.1', 25)); c = socket.create_connection(('127.0.0.1', 25))
libc.setns(here, 0)"
look
says "a connection of a namespace without a way out: everything holds" ""
ip -n "$Y" link set vx4 up
look
says "and of one that has one: foreign-sockets too" "other-namespaces broken,foreign-sockets broken" \
    "broken python3: holds a connection .*made in the namespace /run/netns/$Y pid=$HELD\$"
release
ns_remove "$Y"

# ---- tun and tap devices here ---------------------------------------------------------------------

hold tap "$H" "t = tap('tap0')"
ip -n "$H" link set tap0 up
look
says "a tap that is no port: everything holds" "" "holds tap0: held by python3: .* pid=$HELD\$"
ip -n "$H" link set tap0 master br0 up
look
says "beside a container on a bridge: tun-owners" "tun-owners unknown" \
    "unknown tap0: held by python3: what br0 forwards to it .* pid=$HELD\$"
release
hold tap "$H" "comm('qemu-system-x86'); t = tap('tap0')"
ip -n "$H" link set tap0 master br0 up
look
says "a virtual machine's tap there: everything holds" "" "holds tap0: held by qemu-system-x86, port of br0"
release

# ---- the rest -------------------------------------------------------------------------------------

if ip -n "$H" xfrm policy add src 192.0.2.0/24 dst 198.51.100.0/24 dir out \
    tmpl src $HOST4 dst $GW4 proto esp mode tunnel 2>"$LAB_DIR/xfrm.log"; then
    look
    says "an IPsec policy: named, and the guard holds" "" "holds IPsec policies: 1 may transform TCP"
    ip -n "$H" xfrm policy flush
else
    tap_skip "an IPsec policy" "this kernel has none: $(<"$LAB_DIR/xfrm.log")"
fi

# ---- what can't be read ---------------------------------------------------------------------------

without() {
    OUT=$(in_ns "$H" setpriv --bounding-set "-$1" --inh-caps "-$1" timeout 20 "$DRIVER" 2>&1) || OUT+=$'\n'"status $?"
}

without sys_admin
says "namespaces that can't be entered: unknown" "other-namespaces unknown" \
    "unknown namespace /run/netns/$C: it can't be entered: Operation not permitted"
spawn sleeper "$C" sleep infinity
without sys_ptrace
says "processes whose namespace can't be read: unknown" "other-namespaces unknown" \
    "unknown /proc: the network namespace of [0-9]+ processes can't be read"
mount -o remount,hidepid=2 /proc
without sys_ptrace
says "processes that /proc hides: unknown" "other-namespaces unknown" "unknown /proc: .*hidepid"
look
says "hidden, but not from who may trace: everything holds" ""
mount -o remount,hidepid=0 /proc
OUT=$(in_ns "$H" sh -c "mount -t tmpfs none /run/netns && exec timeout 20 '$DRIVER'" 2>&1)
says "a namespace whose mount is covered: unknown" "other-namespaces unknown" \
    "unknown namespace /run/netns/$I: it can't be opened"

# ---- by the program itself ------------------------------------------------------------------------

# The checks of this group that verify does not find to hold.
verify() {
    local ids
    ids=$("$DRIVER" -l | jq -R . | jq -sc .)
    in_ns "$H" timeout 60 "$KR" verify --static --format json >"$LAB_DIR/verify.json" 2>"$LAB_DIR/verify.err" || true
    OUT=$(jq -r --argjson ids "$ids" '.checks[] | select(.id as $i | $ids | index($i)) |
        "\(.id) \(.verdict)", (.evidence[] | "  \(.verdict) \(.object): \(.detail)")' \
        "$LAB_DIR/verify.json" 2>&1) || OUT=$(<"$LAB_DIR/verify.err")
}

in_ns "$H" timeout 60 "$KR" up --block >"$LAB_DIR/up.log" 2>&1 || tap_note "$(<"$LAB_DIR/up.log")"
verify
says "verify after up: everything holds" "" "holds namespaces: 3 have"
ip -n "$C" link add vx1 type vxlan id 6 remote 172.30.0.1 dstport 4789
ip -n "$C" link set vx1 up
verify
says "verify, a tunnel in a container: other-namespaces" "other-namespaces broken" "vx1 there"
ip -n "$C" link del vx1
ip -n "$H" -batch - <<END
link add n0 type veth peer name n1
link set n0 up
route add 198.51.100.0/24 dev n0
END
verify
says "verify, a device that got a route: new-devices" "new-devices broken" "broken n0: it leads out"
ip -n "$H" link del n0
in_ns "$H" timeout 60 "$KR" down >"$LAB_DIR/down.log" 2>&1 || tap_note "$(<"$LAB_DIR/down.log")"

# ---- namespaces that come and go ------------------------------------------------------------------

churn() {
    local i
    for ((i = 0; i < 3000; i++)); do
        unshare --net true
    done
}
churn &
CHURN=$!
LAB_PIDS+=("$CHURN")
for ((i = 0; i < 40; i++)); do
    look
    [[ -z $(not_holding) ]] || break
done
tap_check "40 readings while others come and go: everything holds" test "$i" = 40
((i == 40)) || tap_note "$OUT"
tap_check "they came and went to the end" kill -0 "$CHURN"
kill "$CHURN" 2>/dev/null || true
wait "$CHURN" 2>/dev/null || true
tap_done
