#!/usr/bin/env bash
# Routes, sysctls, exemptions, the sink's path and open flows are tampered with, one at a time: verify
# reports each by the check that is about it, and by no other. What is reported without a tamper is
# the control; it is taken off.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

kr() { in_ns "$H" "$KR" "$@"; }
ip_h() { ip -n "$H" "$@"; }
sysctl_h() { in_ns "$H" sysctl -qw "$@"; }

# What other programs of this machine may change meanwhile, other tests for one.
ELSEWHERE='^(cgroup-bpf|sockmap|other-namespaces|foreign-sockets|tun-owners|kernel-senders|mta-.*)$'

# ids ARGS...: what does not hold.
ids() {
    kr verify --format json "$@" >"$LAB_DIR/verify.json" 2>"$LAB_DIR/verify.err" || true
    jq -r '.checks[] | select(.verdict != "holds") | .id' "$LAB_DIR/verify.json" |
        { grep -vE "$ELSEWHERE" || true; } | sort
}
remember() { ids --static >"$LAB_DIR/before"; }

# reports "ID ID..." [ARGS...]: exactly these, besides what was remembered.
reports() {
    local want got
    want=$(tr ' ' '\n' <<<"$1" | sort)
    got=$(comm -13 "$LAB_DIR/before" <(ids "${@:2}"))
    [[ $got == "$want" ]] && return
    tap_note "wanted: $want"
    tap_note "reported: $got"
    tap_note "$(jq -c '.checks[] | select(.verdict != "holds") | [.id, .evidence]' "$LAB_DIR/verify.json")"
    return 1
}
says() { jq -r '.checks[].evidence[]? | .object + " " + .detail' "$LAB_DIR/verify.json" | grep -qF -- "$1"; }

# tamper "WHAT" "ID ID..." "DO" "UNDO": afterwards all is as before.
tamper() {
    eval "$3"
    tap_check "$1: ${2:-nothing is reported}" reports "$2" --static
    eval "$4"
}

new_host() {
    lab_host_gone
    lab_host
}
installed() {
    new_host
    kr -q up >"$LAB_DIR/up.log" 2>&1 || die "up: $(cat "$LAB_DIR/up.log")"
    remember
}

# ---- routing -------------------------------------------------------------------------------------

test_rules() {
    installed
    tap_check "control: nothing of these groups is reported" \
        test -z "$(grep -E '^(policy|kernel|exempt|sink-|open|conntrack|reversed)' "$LAB_DIR/before")"
    ip_h route add default via "$GW4" table 100
    ip_h -6 route add default via "$GW6" table 100
    tamper "a rule ahead, by mark" "policy-rules kernel-route own-failsafe" \
        'ip_h rule add pref 10 fwmark 7 lookup 100' 'ip_h rule del pref 10'
    tamper "a rule ahead, by mark, IPv6" "policy-rules kernel-route own-failsafe" \
        'ip_h -6 rule add pref 10 fwmark 7 lookup 100' 'ip_h -6 rule del pref 10'
    tamper "a rule ahead, by source" "policy-rules kernel-route own-failsafe" \
        'ip_h rule add pref 10 from '"$HOST_LAN4"' lookup 100' 'ip_h rule del pref 10'
    tamper "a rule ahead, for what comes in from the containers" \
        "policy-rules kernel-route own-failsafe" \
        'ip_h rule add pref 10 iif br0 lookup 100' 'ip_h rule del pref 10'
    tamper "a rule ahead, by user: the lookup can't show it" "policy-rules own-failsafe" \
        'ip_h rule add pref 10 uidrange 4000-4000 lookup 100' 'ip_h rule del pref 10'
    tamper "a rule ahead for UDP" "" \
        'ip_h rule add pref 10 ipproto udp lookup 100' 'ip_h rule del pref 10'
    tamper "a rule ahead for another port" "" \
        'ip_h rule add pref 10 ipproto tcp dport 26-99 lookup 100' 'ip_h rule del pref 10'
    tamper "a rule behind ours" "" \
        'ip_h rule add pref 26 fwmark 9 lookup 100' 'ip_h rule del pref 26'
    tamper "a rule behind ours, for everything: exempt networks go out" "exempt-onlink" \
        'ip_h rule add pref 26 lookup 100' 'ip_h rule del pref 26'
    tamper "the default route of our table goes out" "kernel-route own-failsafe" \
        'ip_h route replace default via '"$GW4"' dev up0 table 2525 metric 1' \
        'ip_h route del default table 2525 metric 1; kr -q up >/dev/null'
}

test_vrf() {
    installed
    if ! ip_h link add red type vrf table 77 2>/dev/null; then
        tap_skip "a VRF" "this kernel has none"
        return
    fi
    ip_h link set red up
    ip_h route add default via "$GW4" dev up0 table 77 onlink
    tap_check "a VRF: its rule is behind ours, nothing is reported here" \
        test -z "$(comm -13 "$LAB_DIR/before" <(ids --static) | grep -E '^(policy|kernel)')"
    ip_h rule add pref 9 l3mdev protocol kernel
    ids --static >"$LAB_DIR/got"
    tap_check "a VRF ahead of ours: policy-rules" grep -qx policy-rules "$LAB_DIR/got"
    tap_check "a VRF ahead of ours: kernel-route" grep -qx kernel-route "$LAB_DIR/got"
}

test_sysctls() {
    installed
    tamper "route_localnet of one device" "sysctls" \
        'sysctl_h net.ipv4.conf.up0.route_localnet=1' 'sysctl_h net.ipv4.conf.up0.route_localnet=0'
    tap_check "and says which" says net.ipv4.conf.up0.route_localnet
    tamper "source routes are taken" "sysctls" \
        'sysctl_h net.ipv4.conf.all.accept_source_route=1' \
        'sysctl_h net.ipv4.conf.all.accept_source_route=0'
    tamper "segment routing is on" "sysctls" \
        'sysctl_h net.ipv6.conf.{all,up0}.seg6_enabled=1' \
        'sysctl_h net.ipv6.conf.{all,up0}.seg6_enabled=0'
    tamper "tcp_loose is off" "sysctls" \
        'sysctl_h net.netfilter.nf_conntrack_tcp_loose=0' \
        'sysctl_h net.netfilter.nf_conntrack_tcp_loose=1'
    tamper "tcp_be_liberal is on: noted only" "" \
        'sysctl_h net.netfilter.nf_conntrack_tcp_be_liberal=1' \
        'sysctl_h net.netfilter.nf_conntrack_tcp_be_liberal=0'
}

# ---- exemptions and the sink ---------------------------------------------------------------------

test_exemptions() {
    installed
    tamper "part of the LAN goes out" "exempt-onlink" \
        'ip_h route add 192.168.1.64/26 via '"$GW4" 'ip_h route del 192.168.1.64/26'
    tamper "one host of the LAN goes out" "exempt-onlink" \
        'ip_h route add 192.168.1.77/32 via '"$GW4" 'ip_h route del 192.168.1.77/32'
    tamper "part of the LAN goes out, IPv6" "exempt-onlink" \
        'ip_h -6 route add fd00:25::/80 via '"$GW6" 'ip_h -6 route del fd00:25::/80'
    tamper "a gateway of the LAN, which makes its device one that leads out" \
        "exempt-gateway new-devices" \
        'ip_h route add 10.1.0.0/16 via '"$LAN4" 'ip_h route del 10.1.0.0/16'
    tamper "the sink's range leads out" "sink-path" \
        'ip_h route add unicast 198.18.25.128/25 via '"$GW4"' table local' \
        'ip_h route del 198.18.25.128/25 table local'
    tamper "an address of the sink's range on the uplink" "sink-path" \
        'ip_h addr add 198.18.25.7/32 dev up0' 'ip_h addr del 198.18.25.7/32 dev up0'
    new_host
    second_uplink
    kr -q up --lan 192.168.1.0/24 --lan 100.64.1.0/24 >"$LAB_DIR/up.log" 2>&1 || die "up: $(cat "$LAB_DIR/up.log")"
    ids --static >"$LAB_DIR/got"
    tap_check "a prefix that is not private: exempt-public" grep -qx exempt-public "$LAB_DIR/got"
}

# The LAN's host answers on port 25. It is asked only once this host has talked to it.
test_relay() {
    installed
    ids >"$LAB_DIR/before"
    tap_check "control: a LAN host that nobody has talked to is not asked" \
        test -z "$(grep exempt-relay "$LAB_DIR/before")"
    in_ns "$H" "$TOOLS/tcpconn" -w 2000 "$LAN4" 9 >/dev/null || true
    tap_check "a neighbour that takes mail: exempt-relay" reports exempt-relay
    tap_check "and says how it greets" says "lan-smtp"
    tap_check "a waiver holds it" test -z "$(kr verify --allow exempt-relay=known --format json 2>/dev/null |
        jq -r '.checks[] | select(.id == "exempt-relay" and .waived == null) | .id')"
}

test_foreign_sink() {
    new_host
    spawn_ready mta-sink "$L" "$TOOLS/sockd" -n "lan Postfix" -p 2525
    ip -n "$L" route add "$HOST4/32" via "$HOST_LAN4"
    ip -n "$L" route add 172.30.0.0/24 via "$HOST_LAN4"
    kr -q up --sink "$LAN4:2525" >"$LAB_DIR/up.log" 2>&1 || die "up: $(cat "$LAB_DIR/up.log")"
    remember
    tap_check "a sink that greets as Postfix: sink-greeting" reports "sink-greeting exempt-relay"
    tamper "the way to the sink leads out" "exempt-onlink sink-path own-sink" \
        'ip_h route add '"$LAN4"'/32 via '"$GW4" 'ip_h route del '"$LAN4"'/32'
    kill "$SPAWNED"
}

# A sink on this host is known by the process that listens.
test_own_sink() {
    local name
    for name in exim4 sockd; do
        new_host
        cp "$TOOLS/sockd" "$LAB_DIR/$name"
        spawn_ready "own-$name" "$H" "$LAB_DIR/$name" -n "own sink" -p 2525
        kr -q up --sink "$HOST_LAN4:2525" >"$LAB_DIR/up.log" 2>&1 || die "up: $(cat "$LAB_DIR/up.log")"
        ids --static >"$LAB_DIR/$name.ids"
    done
    tap_check "a sink whose process is Exim: sink-relay" grep -qx sink-relay "$LAB_DIR/exim4.ids"
    tap_check "control: another program is no relay known here" \
        test -z "$(grep sink-relay "$LAB_DIR/sockd.ids")"
}

# ---- flows ---------------------------------------------------------------------------------------

nft_in() { in_ns "$H" nft "$1"; }
insert() { in_ns "$H" conntrack -I -p tcp --state ESTABLISHED --timeout 600 "$@" >/dev/null 2>&1; }
forget() { in_ns "$H" conntrack -D -p tcp "$@" >/dev/null 2>&1 || true; }
reversed() { in_ns "$H" conntrack -L -p tcp --orig-port-src 25 2>/dev/null | grep -q "src=$MX4"; }

# A connection from before; conntrack joins later, then loses it, and the server speaks.
test_flows_before() {
    local fd
    new_host
    remember
    mkfifo "$LAB_DIR/conn.in"
    exec {fd}<>"$LAB_DIR/conn.in"
    spawn conn "$H" "$TOOLS/tcpconn" -i -w 1000 "$MX4" 25 <&"$fd"
    await_line "$LAB_DIR/conn.log" '^connected' || die "not connected"
    tap_check "a connection from before up: open-sockets" reports open-sockets --static
    nft_in "table inet track { chain c { type filter hook output priority 0; ct state new; }; }"
    echo "send NOOP" >&"$fd"
    tap_check "known to conntrack as well: conntrack-entries" \
        wait_for 3 eval 'reports "open-sockets conntrack-entries" --static >/dev/null'
    forget --orig-port-dst 25
    insert -s "$MX4" -d "$HOST4" --sport 25 --dport 1000 --reply-src "$HOST4" --reply-dst "$MX4" \
        --reply-port-src 1000 --reply-port-dst 25 || die "no reversed entry"
    reversed || die "no reversed entry"
    tap_check "an entry the wrong way round: reversed-entries" \
        reports "open-sockets reversed-entries" --static
    kr -q up >"$LAB_DIR/up.log" 2>&1 || die "up: $(cat "$LAB_DIR/up.log")"
    tap_check "after up none of them is left" \
        test -z "$(ids --static | grep -E '^(open|conntrack|reversed)')"
    exec {fd}>&-
}

test_flows_while_up() {
    installed
    in_ns "$H" "$TOOLS/tcpconn" -w 2000 "$MX4" 25 | grep -q kumo-sink || die "not redirected"
    tap_check "a redirected connection is none of them" reports "" --static
    insert -s "$HOST4" -d "$MX4" --sport 1001 --dport 25 --reply-src "$MX4" --reply-dst "$HOST4" \
        --reply-port-src 25 --reply-port-dst 1001
    tap_check "an entry for a real host: conntrack-entries" reports conntrack-entries --static
    forget --orig-port-src 1001
    insert -s "$MX6" -d "$HOST6" --sport 25 --dport 1002 --reply-src "$HOST6" --reply-dst "$MX6" \
        --reply-port-src 1002 --reply-port-dst 25
    tap_check "a reversed one, IPv6: reversed-entries" reports reversed-entries --static
}

lab_init
lab_world
lab_host
test_rules
test_vrf
test_sysctls
test_exemptions
test_relay
test_foreign_sink
test_own_sink
test_flows_before
test_flows_while_up
tap_done
