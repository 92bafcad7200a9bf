#!/bin/bash
# What packets do under the failsafe alone, with each kind of hole this kernel has. The oracle is the
# witness in the internet's namespace, which first has to see the same connections without it.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

DRIVER=$BUILD/tests/unit/act/driver_failsafe
make -s -C "$REPO" BUILD="$BUILD" "$DRIVER"
RANGES=(--local 198.18.25.0/24 --local 2001:2:0:25::/64)

fs() { in_ns "$H" "$DRIVER" "$@"; }
conn() { in_ns "$1" "$TOOLS/tcpconn" "${@:2}" 2>&1 || true; }

# What the host and a container try: both families, another source address, forwarded.
attempts() {
    conn "$H" "$MX4" 25
    conn "$H" "$MX6" 25
    conn "$H" -b "$HOST4" "$MX4B" 25
    conn "$H" -b "$HOST_LAN6" "$MX6B" 25
    conn "$H" -m "$MX4" 25
    conn "$H" -k 7 "$MX4" 25
    conn "$C" "$MX4" 25
    conn "$C" "$MX6" 25
}

# Runs all attempts; what the witness said of them is left in SAID.
try_all() {
    local from=$MARKS
    attempts >"$LAB_DIR/heard"
    witness_mark || die "the witness is dead or lost frames"
    SAID=$(witness_said "$from" "$MARKS")
}
all_seen() {
    try_all
    (($(grep -c 'flags=S ' <<<"$SAID") >= 8)) || {
        tap_note "$SAID"
        return 1
    }
}

redirect_on() {
    in_ns "$H" nft -f - <<END
table inet t {
    chain out { type nat hook output priority -199
        oif lo return
        meta nfproto ipv4 tcp dport 25 ip daddr != $LAN_NET4 dnat ip to 198.18.25.7:2026
        meta nfproto ipv6 tcp dport 25 ip6 daddr != $LAN_NET6 dnat ip6 to [2001:2:0:25::7]:2026
    }
    chain pre { type nat hook prerouting priority -199
        iif br0 meta nfproto ipv4 tcp dport 25 dnat ip to 198.18.25.7:2026
        iif br0 meta nfproto ipv6 tcp dport 25 dnat ip6 to [2001:2:0:25::7]:2026
    }
}
END
}

nothing_seen() {
    try_all
    [[ -z $SAID ]] || {
        tap_note "$SAID"
        return 1
    }
}
all_reach_the_sink() {
    nothing_seen && (($(grep -c '^recv .*sink' "$LAB_DIR/heard") == 8)) && return
    tap_note "$(cat "$LAB_DIR/heard")"
    return 1
}
lan_is_reached() {
    [[ $(conn "$H" "$LAN4" 25) == *lan-smtp* && $(conn "$H" "$LAN6" 25) == *lan-smtp* ]]
}
own_is_reached() {
    [[ $(conn "$H" "$HOST4" 2026) == *sink* && $(conn "$H" 127.0.0.1 2026) == *sink* ]]
}
# Silence, not a refusal: connect(2) has to get as far as OUTPUT for the redirect to act.
times_out() {
    ! conn "$H" "$MX4" 25 | grep -iE 'connected|unreach|no route' >&2 &&
        ! conn "$H" "$MX6" 25 | grep -iE 'connected|unreach|no route' >&2
}
refused_at_once() {
    conn "$H" "$MX4" 25 | grep -qiE 'no route|unreach' &&
        conn "$H" "$MX6" 25 | grep -qiE 'no route|unreach'
}

with_hole() {
    local kind=$1
    lab_host
    spawn_ready "sink-$kind" "$H" "$TOOLS/sockd" -n sink -p 2026
    witness_mark
    tap_check "$kind: control: all eight are seen without it" all_seen
    if [[ $kind == veth ]]; then
        ip -n "$H" link add kumo-hole0 type veth peer name kumo-hole1
    fi
    tap_note "$(fs apply "${RANGES[@]}")"
    tap_check "$kind: stands" test "$(fs check "${RANGES[@]}" | head -n 1)" = 1
    tap_check "$kind: nothing leaves" nothing_seen
    tap_check "$kind: a connection waits, it is not refused" times_out
    tap_check "$kind: the LAN is reached" lan_is_reached
    tap_check "$kind: the host itself is reached" own_is_reached
    redirect_on
    tap_check "$kind: with a redirect all reach the sink" all_reach_the_sink
    in_ns "$H" nft flush ruleset
    tap_check "$kind: nothing leaves after flush ruleset" nothing_seen
    if [[ $kind == veth ]]; then
        ip -n "$H" link set kumo-hole1 up
        tap_check "veth: the other end up is noticed" \
            grep -q kumo-hole1 <(fs check "${RANGES[@]}")
        ip -n "$H" link set kumo-hole1 down
    fi
    ip -n "$H" link del kumo-hole0
    tap_check "$kind: nothing leaves without the hole" nothing_seen
    tap_check "$kind: and then connections are refused at once" refused_at_once
    fs remove
    witness_mark
    tap_check "$kind: control: all eight are seen again" all_seen
    lab_host_gone
}

lab_init fst
lab_world
witness_start
with_hole ifb
with_hole veth
tap_done
