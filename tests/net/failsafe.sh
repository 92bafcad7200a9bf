#!/bin/bash
# The policy-routing failsafe against the kernel: what it makes equals its own text run by ip(8), it
# is quiet when nothing is to do, notices every single change, comes back from any kill, and leaves
# nothing. What packets do is in failsafe-traffic.sh.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

DRIVER=$BUILD/tests/unit/act/driver_failsafe
make -s -C "$REPO" BUILD="$BUILD" "$DRIVER"
LOCALS=(--local 198.18.25.0/24 --local 2001:2:0:25::/64)

fs() { in_ns "$H" "$DRIVER" "$@"; }

state_of() {
    local ns=$1
    ip -n "$ns" rule
    ip -n "$ns" -6 rule
    ip -n "$ns" route show table all
    ip -n "$ns" -6 route show table all
}
everything() {
    state_of "$H"
    ip -n "$H" -d -o link | sed 's/ qlen [0-9]*//'
    ip -n "$H" addr
}

# A host with two uplink families and a LAN; the same indexes and addresses each time.
host() {
    local ns=$1
    ns_add "$ns"
    ip -n "$ns" -batch - <<END
link add up0 address 02:00:00:00:01:02 index 10 type veth peer name in0 index 11
link add lan0 address 02:00:00:00:03:02 index 12 type veth peer name lan1 index 13
link set in0 addrgenmode none up
link set lan1 addrgenmode none up
link set up0 up
link set lan0 up
addr add $HOST4/24 dev up0
addr add $HOST6/64 dev up0 nodad
addr add $HOST_LAN4/24 dev lan0
addr add 10.9.0.1/16 dev lan0
addr add $HOST_LAN6/64 dev lan0 nodad
route add default via $GW4
route add default via $GW6
END
    wait_for 5 settled "$ns"
}
# Link-local addresses and their routes come a moment after the carrier.
settled() { (($(ip -n "$1" -6 route | grep -c '^fe80::/64') == 2)); }

checks() { [[ $(fs check "${LOCALS[@]}" | head -n 1) == 1 ]]; }

# As the driver's text says, by ip(8). The text names the first kind; this kernel may have another.
by_ip() {
    sed "s/type dummy/type $KIND/" "$LAB_DIR/text" >"$LAB_DIR/text.sh"
    in_ns "$1" bash -eu "$LAB_DIR/text.sh"
}

same_as_by_ip() {
    fs text "${LOCALS[@]}" >"$LAB_DIR/text"
    by_ip "$SECOND"
    # The kernel's own multicast routes stand in the order in which the carriers came.
    state_of "$H" | grep -v '^multicast' >"$LAB_DIR/ours"
    state_of "$SECOND" | grep -v '^multicast' >"$LAB_DIR/theirs"
    diff "$LAB_DIR/ours" "$LAB_DIR/theirs" >&2
}

# The monitor's own positive control is a route that comes and goes after the second apply.
quiet_when_it_stands() {
    spawn monitor "$H" stdbuf -oL ip monitor link address route rule
    local watch=$SPAWNED
    wait_for 5 heard_of 10.99.99.1
    fs apply "${LOCALS[@]}" >/dev/null
    wait_for 5 heard_of 10.99.99.2
    kill "$watch"
    ! sed -n '/10\.99\.99\.1/,$p' "$LAB_DIR/monitor.log" | grep -vE '10\.99\.99\.[12]' >&2
}
heard_of() {
    ip -n "$H" route add "$1" dev lo
    ip -n "$H" route del "$1" dev lo
    grep -q "$1" "$LAB_DIR/monitor.log"
}

# noticed NAME WORDS COMMAND...: the change is seen, named, and put right by the next apply.
noticed() {
    local name=$1 words=$2 said
    shift 2
    "$@"
    said=$(fs check "${LOCALS[@]}")
    if [[ $said == 0$'\n'*$words* ]]; then
        tap_ok "noticed: $name"
    else
        tap_not_ok "noticed: $name"
        tap_note "$said"
    fi
    if fs apply "${LOCALS[@]}" >/dev/null && checks; then
        tap_ok "put right: $name"
    else
        tap_not_ok "put right: $name"
    fi
}

# refused NAME WORDS UNDO COMMAND...: seen by check, and apply touches nothing.
refused() {
    local name=$1 words=$2 undo=$3 before said good=1
    shift 3
    "$@"
    before=$(everything)
    said=$(fs check "${LOCALS[@]}")
    [[ $said == 0$'\n'*$words* ]] || good=0
    said=$(fs apply "${LOCALS[@]}" 2>&1) && good=0
    [[ $said == *$words* ]] || good=0
    [[ $(everything) == "$before" ]] || good=0
    if ((good)); then tap_ok "refused: $name"; else
        tap_not_ok "refused: $name"
        tap_note "$said"
    fi
    $undo
    checks || tap_not_ok "as before: $name"
}

in_h() { ip -n "$H" "$@"; }
rule_gone() { in_h rule del pref 25; }
rule6_gone() { in_h -6 rule del pref 25; }
all_rules_gone() {
    in_h rule del pref 25
    in_h -6 rule flush
    in_h -6 rule add pref 32766 lookup main
}
odd_rule() { in_h rule add pref 25 ipproto tcp dport 25 fwmark 7 lookup 2525 protocol 225; }
default_gone() { in_h route del default table 2525 metric 1; }
unreachable6_gone() { in_h -6 route del unreachable default table 2525 metric 999; }
more_routes() { in_h route add 8.8.8.0/24 dev up0 table 2525 proto 225; }
other_way() { in_h route replace 192.168.1.0/24 dev up0 table 2525 metric 12 proto 225; }
with_mtu() {
    in_h route replace default dev kumo-hole0 src "$HOST4" mtu 500 table 2525 metric 1 proto 225
}
local_gone() { in_h route del local 198.18.25.0/24 dev lo table local; }
local6_gone() { in_h -6 route del local 2001:2:0:25::/64 dev lo table local; }
hole_down() { in_h link set kumo-hole0 down; }
hole_arp() { in_h link set kumo-hole0 arp on; }
hole_gone() { in_h link del kumo-hole0; }
rival() { in_h rule add pref 20 fwmark 1 lookup main; }
rival_gone() { in_h rule del pref 20; }
rival_all6() { in_h -6 rule add pref 20 lookup main; }
rival_all6_gone() { in_h -6 rule del pref 20; }
rival_at_0() { in_h rule add pref 0 lookup main; }
rival_at_0_gone() { in_h rule del pref 0 lookup main; }
rival_not() { in_h rule add pref 20 not ipproto udp lookup main; }
local_moved() {
    in_h rule add pref 100 lookup local
    in_h rule del pref 0
}
local_back() {
    in_h rule add pref 0 lookup local
    in_h rule del pref 100
}
stranger_route() { in_h route add 8.8.8.0/24 dev up0 table 2525; }
stranger_route_gone() { in_h route del 8.8.8.0/24 dev up0 table 2525; }
hole_address() { in_h addr add 10.66.0.1/24 dev kumo-hole0; }
# With its last address a device loses its routes: the kernel's doing, put right by an apply.
hole_address_gone() {
    in_h addr del 10.66.0.1/24 dev kumo-hole0
    fs apply "${LOCALS[@]}" >/dev/null
}
harmless() {
    in_h rule add pref 20 ipproto udp lookup main
    in_h rule add pref 21 ipproto tcp dport 80-90 lookup main
    in_h rule add pref 26 lookup main
    checks
    local status=$?
    in_h rule del pref 20
    in_h rule del pref 21
    in_h rule del pref 26
    return $status
}

other_arguments() {
    fs apply --port 25 --port 587 --lan none --local 198.18.99.0/24 >/dev/null
    [[ $(fs check --port 25 --port 587 --lan none --local 198.18.99.0/24) == 1 ]] &&
        [[ $(ip -n "$H" rule | grep -c '^25:') == 2 ]] &&
        [[ -z $(ip -n "$H" route show table all | grep -F 198.18.25.0) ]] &&
        ! checks && fs apply "${LOCALS[@]}" >/dev/null && checks
}

without_a_source() {
    fs apply --no-hole >/dev/null && [[ $(fs check --no-hole) == 1 ]] &&
        ! ip -n "$H" link show kumo-hole0 >/dev/null 2>&1 &&
        ! ip -n "$H" route get 203.0.113.5 ipproto tcp dport 25 >/dev/null 2>&1 &&
        fs apply "${LOCALS[@]}" >/dev/null && checks
}

# Never an instant without rule and table: a lookup that runs all the while never leads out.
never_a_gap() {
    spawn looker "$H" bash -c "while :; do ip route get 203.0.113.5 ipproto tcp dport 25; done"
    local watch=$SPAWNED i
    for i in 1 2 3 4 5; do
        fs apply --port 25 --port $((100 + i)) --lan none >/dev/null
        fs apply "${LOCALS[@]}" >/dev/null
    done
    wait_for 5 looked 50 || return 1
    kill "$watch"
    ! grep -q 'dev up0' "$LAB_DIR/looker.log"
}
looked() { (($(wc -l <"$LAB_DIR/looker.log") >= $1)); }

removed() {
    fs remove
    [[ $(fs present) == 0 && $(everything) == "$BEFORE" ]]
}

# Killed at any point, the next remove finds all of it; so does the next apply.
killed() {
    local i dead=0
    for i in $(seq 1 25); do
        ip netns exec "$H" "$DRIVER" apply --fill lan0:4000 "${LOCALS[@]}" >/dev/null 2>&1 &
        local pid=$!
        sleep "0.0$((RANDOM % 50 + 10))" # where it is hit does not matter, only that it varies
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || dead=$((dead + 1))
        if ((i % 2)); then
            fs apply "${LOCALS[@]}" >/dev/null && checks || return 1
        fi
        fs remove && [[ $(everything) == "$BEFORE" ]] || return 1
    done
    tap_note "$dead of 25 died on the way"
    ((dead > 0))
}

thousands() {
    fs apply --fill lan0:10000 >"$LAB_DIR/speed" && [[ $(fs check --fill lan0:10000) == 1 ]] &&
        fs remove && [[ $(everything) == "$BEFORE" ]]
    local status=$?
    tap_note "10,000 exemptions: $(cat "$LAB_DIR/speed")"
    return $status
}

somebody_elses_device() {
    in_h link add kumo-hole0 type bridge
    local before said
    before=$(everything)
    said=$(fs apply 2>&1) && return 1
    [[ $said == *"its kind is 'bridge'"* && $(everything) == "$before" ]] || return 1
    fs remove && [[ $(fs present) == 0 && $(everything) == "$before" ]] || return 1
    in_h link del kumo-hole0
}

ipv6_off_by_default() {
    in_ns "$H" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
    fs apply "${LOCALS[@]}" >/dev/null && checks
    local status=$?
    fs remove
    in_ns "$H" sysctl -qw net.ipv6.conf.default.disable_ipv6=0
    return $status
}

lab_init fs
SECOND=$LAB-second
host "$H"
host "$SECOND"
BEFORE=$(everything)

tap_check "nothing is there at first" test "$(fs present)" = 0
fs apply "${LOCALS[@]}" >"$LAB_DIR/applied"
KIND=$(sed -nE 's/.*kind=([a-z]+).*/\1/p' "$LAB_DIR/applied")
tap_note "hole of kind $KIND: $(cat "$LAB_DIR/applied")"
tap_check "what was asked for stands" checks
tap_check "present" test "$(fs present)" = 1
tap_check "equal to its own text run by ip(8)" same_as_by_ip
tap_check "a second apply changes nothing" quiet_when_it_stands
tap_check "rules that can't take these packets do no harm" harmless
noticed "IPv4 rule deleted" "IPv4 rule 25" rule_gone
noticed "IPv6 rule deleted" "IPv6 rule 25" rule6_gone
noticed "all rules but local deleted" "IPv6 rule 25" all_rules_gone
noticed "a rule with our number and a mark" "with more selectors" odd_rule
noticed "default route deleted" "0.0.0.0/0 dev kumo-hole0" default_gone
noticed "unreachable route deleted" "unreachable ::/0" unreachable6_gone
noticed "route added with our number" "8.8.8.0/24 dev up0" more_routes
noticed "exemption led elsewhere" "192.168.1.0/24 dev up0" other_way
noticed "route with other metrics" "0.0.0.0/0 dev kumo-hole0" with_mtu
noticed "local IPv4 range deleted" "local 198.18.25.0/24" local_gone
noticed "local IPv6 range deleted" "local 2001:2:0:25::/64" local6_gone
noticed "hole down" "kumo-hole0 is down" hole_down
noticed "hole with ARP" "up with ARP" hole_arp
noticed "hole deleted" "kumo-hole0 is missing" hole_gone
refused "a rule ahead with a mark" "IPv4 rule with priority 20 (lookup 254)" rival_gone rival
refused "a rule ahead of all, IPv6" "IPv6 rule with priority 20" rival_all6_gone rival_all6
refused "a second rule at 0" "IPv4 rule with priority 0" rival_at_0_gone rival_at_0
refused "a rule that says not" "IPv4 rule with priority 20" rival_gone rival_not
refused "the local table is not first" "first IPv4 rule is not" local_back local_moved
refused "a route of others in our table" "8.8.8.0/24 dev up0 table 2525" stranger_route_gone \
    stranger_route
refused "an address on the hole" "it has the address 10.66.0.1" hole_address_gone hole_address
tap_check "other ports, exemptions and ranges take the place of these" other_arguments
tap_check "without a source address: unreachable, and no hole" without_a_source
tap_check "no gap while it changes" never_a_gap
tap_check "removed: the host is as it was" removed
tap_check "removing twice is no error" removed
tap_check "killed 25 times: nothing is left behind" killed
tap_check "10,000 exemptions" thousands
tap_check "somebody else's device of that name is left alone" somebody_elses_device
tap_check "IPv6 off on new devices is no obstacle" ipv6_off_by_default
tap_check "nothing is there at last" removed
tap_done
