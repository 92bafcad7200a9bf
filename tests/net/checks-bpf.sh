#!/usr/bin/env bash
# Programs and filters below the packet rules, put there for real: verify names each by the right
# check and by no other, and what leaks by them is seen outside. What this kernel lacks is in
# unit/net/test_tc and unit/facts/test_checks_bpf.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
make -s -C "$REPO" BUILD="$BUILD" "$BUILD/tests/unit/facts/driver_checks_bpf" >&2 || die "no driver"

kr() { in_ns "$H" "$KR" "$@"; }
tc_in() { in_ns "$H" tc "$@"; }

# ---- what verify says ----------------------------------------------------------------------------

# verdicts: "ID VERDICT" for every check; the whole answer stays in $LAB_DIR/verify.json.
verdicts() {
    kr verify --static --format json >"$LAB_DIR/verify.json" 2>"$LAB_DIR/verify.err" || true
    jq -r '.checks[] | "\(.id) \(.verdict)"' "$LAB_DIR/verify.json"
}
evidence() {
    jq -r --arg id "$1" '.checks[] | select(.id == $id) | .evidence[] |
        "\(.verdict) [\(.interface // "")] \(.object): \(.detail)"' "$LAB_DIR/verify.json"
}
as_before() { [[ $(verdicts) == "$BASE" ]]; }

# only ID VERDICT REGEX: this check says so, with such evidence; every other says what it said before.
only() {
    local now
    now=$(verdicts)
    diff <(sed "s/^$1 .*/$1 $2/" <<<"$BASE") - <<<"$now" >"$LAB_DIR/diff" &&
        evidence "$1" | grep -qE -- "^$2 .*$3" && return
    tap_note "$(cat "$LAB_DIR/diff" "$LAB_DIR/verify.err")"
    tap_note "$(evidence "$1")"
    return 1
}

# holds ID REGEX: nothing changes, but the evidence says so.
holds() {
    as_before && evidence "$1" | grep -qE -- "^holds .*$2" && return
    tap_note "$(diff - <(verdicts) <<<"$BASE")"
    tap_note "$(evidence "$1")"
    return 1
}

# ---- tampering -----------------------------------------------------------------------------------

LOADED=

# load NS ARGS...: bpfload, whose program lives as long as it does.
load() {
    local ns=$1
    shift
    rm -f "$LAB_DIR/bpfload.log"
    spawn bpfload "$ns" "$TOOLS/bpfload" "$@"
    loaded "$SPAWNED"
}
# load_cgroup KIND: beside the namespaces, whose /sys has no cgroups.
load_cgroup() {
    rm -f "$LAB_DIR/bpfload.log"
    "$TOOLS/bpfload" cgroup "$CGROUP" "$1" >"$LAB_DIR/bpfload.log" 2>&1 &
    LAB_PIDS+=("$!")
    loaded "$!"
}
loaded() {
    LOADED=$1
    await_line "$LAB_DIR/bpfload.log" '^(ready|error)' || die "bpfload said nothing"
    LOADED_ID=$(sed -n 's/^ready //p' "$LAB_DIR/bpfload.log")
    [[ -n $LOADED_ID ]] && return
    tap_note "$(cat "$LAB_DIR/bpfload.log")"
    return 1
}
# A program goes when the last that held it is gone, a little later for a map.
unload() {
    kill "$LOADED" 2>/dev/null || true
    wait_for 5 as_before || tap_not_ok "after unloading all is as before: $(diff - <(verdicts) <<<"$BASE")"
}

# leaks FROM: the witness saw a packet to port 25 of the real exchanger since that mark.
leaks() { witness_mark && witness_said "$1" "$MARKS" | grep -q '^leak'; }
unseen() { witness_mark && ! witness_said "$1" "$MARKS" | grep -qE '^(leak|sink) '; }
mark() { witness_mark || die "the witness is dead or lost frames"; }
# attacked: a connection from the container; its frames leave by the host's tampered device.
attacked() {
    local from
    mark
    from=$MARKS
    in_ns "$C" "$TOOLS/tcpconn" -w 300 "$MX4" 25 >/dev/null 2>&1 || true
    leaks "$from"
}
not_attacked() { ! attacked; }

# ---- devices -------------------------------------------------------------------------------------

test_xdp() {
    load "$H" xdp lan0 pass
    tap_check "a generic XDP program on a device" \
        only xdp-programs broken "\[lan0\] dev lan0: runs XDP program $LOADED_ID \(kr_test\)"
    unload
    load "$H" xdp c0h redirect up0
    tap_check "control: XDP redirects past every guard, and the witness sees it" attacked
    tap_check "an XDP program that redirects" only xdp-programs broken "\[c0h\]"
    unload
    load "$H" devmap up0 "/run/netns/$C" c0
    tap_check "an XDP program on the far end of a veth, with a map of our devices, is in doubt" \
        only xdp-programs unknown "another network namespace: XDP program $LOADED_ID"
    unload
    load "$C" xdp c0 pass
    tap_check "one there without a device map is no matter of ours" \
        holds xdp-programs "other network namespaces: 1 XDP programs"
    unload
}

test_xsk() {
    load "$H" xsk
    tap_check "an AF_XDP socket" only xdp-sockets broken "this network namespace: .* 1\$"
    tap_check "and who holds it" grep -q "broken .*bpfload: " <<<"$(evidence xdp-sockets)"
    unload
    load "$C" xsk
    tap_check "one in another network namespace is no matter of ours" as_before
    unload
}

test_tc() {
    local mirred=(action mirred egress redirect dev up0) match=(protocol ip u32 match ip dport 25 0xffff)
    tc_in qdisc add dev c0h clsact
    tap_check "clsact without a filter" as_before
    tc_in filter add dev c0h ingress pref 7 "${match[@]}" "${mirred[@]}"
    tap_check "control: mirred at ingress sends past every guard, and the witness sees it" attacked
    tap_check "mirred at ingress" \
        only tc-filters broken "\[c0h\] dev c0h ingress pref 7 u32: action mirred sends packets to up0"
    tc_in filter del dev c0h ingress
    tap_check "and no more without the filter" not_attacked
    tc_in filter add dev c0h egress pref 7 "${match[@]}" "${mirred[@]}"
    tap_check "mirred at egress" only tc-filters broken "dev c0h egress pref 7 u32"
    tc_in filter del dev c0h egress
    tc_in filter add dev c0h ingress pref 7 "${match[@]}" action mirred egress redirect dev ifb0
    tap_check "an ifb gives packets back" holds tc-filters "ifb0, which gives them back"
    tc_in qdisc del dev c0h clsact
    tap_check "all is as before" as_before
}

test_classes() {
    local match=(protocol ip u32 match ip dport 80 0xffff)
    tc_in qdisc add dev up0 root handle 1: htb default 1
    tc_in class add dev up0 parent 1: classid 1:1 htb rate 100mbit quantum 1514
    tc_in filter add dev up0 parent 1: pref 3 "${match[@]}" flowid 1:1
    tap_check "htb with a filter that only classifies" holds tc-filters "1 of 1 filters only classify"
    tap_check "both qdiscs are known" holds tc-qdisc "qdiscs only order"
    tc_in filter add dev up0 parent 1:1 pref 4 "${match[@]}" action mirred egress mirror dev lan0
    tap_check "a filter on a class" only tc-filters broken "dev up0 parent 1:1 pref 4 u32: .* lan0"
    tc_in qdisc del dev up0 root
    tc_in qdisc add dev c0h ingress_block 22 clsact
    tc_in filter add block 22 pref 5 "${match[@]}" action mirred egress redirect dev up0
    tap_check "a filter of a shared block" only tc-filters broken "dev c0h block 22 pref 5"
    tc_in qdisc del dev c0h clsact
    tc_in qdisc add dev c0h ingress
    tc_in filter add dev c0h parent ffff: pref 6 "${match[@]}" action mirred egress redirect dev up0
    tap_check "a filter on an ingress qdisc" only tc-filters broken "dev c0h ingress pref 6"
    tc_in qdisc del dev c0h ingress
    tap_check "all is as before" as_before
}

test_programs() {
    load "$H" cls c0h ingress redirect up0
    tap_check "control: an eBPF filter sends past every guard, and the witness sees it" attacked
    tap_check "an eBPF filter" \
        only tc-filters broken "dev c0h ingress pref 7 bpf: runs eBPF program $LOADED_ID \(kr_test\)"
    tc_in qdisc del dev c0h clsact
    unload
    load "$H" cls up0 egress pass
    tap_check "an eBPF filter at an uplink's egress" only tc-filters broken "dev up0 egress pref 7"
    tc_in qdisc del dev up0 clsact
    unload
    local way
    for way in ingress egress; do
        if load "$H" tcx c0h $way; then
            tap_check "a program at tcx $way" \
                only tcx-netkit broken "\[c0h\] .* $LOADED_ID \(kr_test\).* at tcx_$way"
            unload
        else
            tap_skip "a program at tcx $way" "this kernel has no tcx"
        fi
    done
}

test_routes() {
    load "$H" lwt up0 198.51.100.0 24
    tap_check "a route that runs a program" \
        only lwt-programs broken "\[up0\] route 198.51.100.0/24 table 254: encap bpf"
    ip -n "$H" route del 198.51.100.0/24
    unload
    if ip -n "$H" -6 route add 2001:db8:77::/64 encap seg6 mode inline segs 2001:db8:1::1 dev up0 2>/dev/null; then
        tap_check "segments are for the fence to judge" grep -q '^holds .*encap seg6: ' <<<"$(
            verdicts >/dev/null
            evidence lwt-programs
        )"
        ip -n "$H" -6 route del 2001:db8:77::/64
    else
        tap_skip "segments are for the fence to judge" "this kernel has no seg6"
    fi
    tap_check "all is as before" as_before
}

# ---- cgroups and sockets -------------------------------------------------------------------------

# from_cgroup ARGS...: tcpconn on the host, in that cgroup.
from_cgroup() {
    # shellcheck disable=SC2016
    bash -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$CGROUP" \
        ip netns exec "$H" "$TOOLS/tcpconn" -w 2000 "$@" 2>&1 || true
}
reaches() { from_cgroup "$MX4" 25 | tee "$LAB_DIR/reached" | grep -q "$1" || { tap_note "$(cat "$LAB_DIR/reached")"; return 1; }; }

test_cgroups() {
    local kind from
    if ! cgroup_new; then
        tap_skip "programs on cgroups" "cgroup2 is not mounted on this machine"
        return
    fi
    tap_check "control: a process in a cgroup is served by the sink" reaches kumo-sink
    load_cgroup connect4
    mark
    from=$MARKS
    tap_check "control: connect4 leads port 25 to another port of the real host" reaches real-mx
    tap_check "and no packet to port 25 is seen" unseen "$from"
    tap_check "connect4 on a cgroup" only cgroup-bpf broken \
        "cgroup /$LAB: connect4: program $LOADED_ID \(kr_test\), held by link [0-9]+,"
    unload
    for kind in connect6 sendmsg4 sendmsg6 sock_ops; do
        load_cgroup "$kind"
        tap_check "$kind on a cgroup" only cgroup-bpf broken "cgroup /$LAB: $kind: program $LOADED_ID"
        unload
    done
    for kind in bind4 getpeername4; do
        load_cgroup "$kind"
        tap_check "$kind on a cgroup holds" holds cgroup-bpf "cgroup /$LAB: $kind: program $LOADED_ID"
        unload
    done
    for kind in egress ingress; do
        load_cgroup "$kind"
        tap_check "a packet filter on a cgroup ($kind) holds" holds cgroup-bpf "1 programs .*drop only"
        unload
    done
    for kind in device sysctl sock_create post_bind4; do
        load_cgroup "$kind"
        tap_check "$kind on a cgroup holds" holds cgroup-bpf "none of 1 loaded programs"
        unload
    done
    cgroup_gone
}

test_sockets() {
    local kind
    for kind in msg skb; do
        load "$H" sockmap $kind
        tap_check "a program on a sockmap ($kind)" only sockmap broken "sockmap [0-9]+: program $LOADED_ID"
        unload
    done
    load "$H" sockmap none
    tap_check "such a program that is on no map is in doubt" \
        only sockmap unknown "a loaded program: $LOADED_ID"
    unload
    load "$H" sklookup
    tap_check "sk_lookup in this network namespace" only sockmap broken "this network namespace: sk_lookup"
    unload
    load "$C" sklookup
    tap_check "sk_lookup in another holds" holds sockmap "another network namespace: sk_lookup"
    unload
    if load "$H" netfilter; then
        tap_check "a program at a netfilter hook is in doubt" only bpf-netfilter-links unknown \
            "netfilter hook: program $LOADED_ID .*output of ip, priority 100"
        unload
    else
        tap_skip "a program at a netfilter hook" "this kernel has no netfilter links"
    fi
}

# ---- without privileges --------------------------------------------------------------------------

# Who may not look must not say that nothing is there.
test_unprivileged() {
    local id now
    now=$(in_ns "$H" setpriv --bounding-set=-sys_admin,-bpf --inh-caps=-all \
        "$BUILD/tests/unit/facts/driver_checks_bpf")
    for id in xdp-programs tcx-netkit cgroup-bpf sockmap bpf-netfilter-links; do
        tap_check "$id is unknown without CAP_SYS_ADMIN" grep -q "^$id unknown\$" <<<"$now"
    done
}

# ---- cost ----------------------------------------------------------------------------------------

us() { awk -v id="$2" '$1 == "us" && $3 == id { print $2 }' <<<"$1"; }

# links N: so many in a namespace of their own, half of them with a filter.
links() {
    local i
    ns_add "$LAB-many"
    for ((i = 0; i < $1 / 2; i++)); do echo "link add a$i type veth peer name b$i"; done |
        ip -n "$LAB-many" -batch -
    for ((i = 0; i < $1 / 2; i++)); do
        echo "qdisc add dev a$i clsact"
        echo "filter add dev a$i ingress protocol ip u32 match ip dport 80 0xffff action mirred egress mirror dev b$i"
    done | in_ns "$LAB-many" tc -batch -
}

# 500 cgroups and a program on one: then each is asked.
test_cost_of_cgroups() {
    local took
    cgroup_new || return 0
    mkdir "$CGROUP"/{1..100}
    mkdir "$CGROUP"/{1..100}/{a,b,c,d}
    load_cgroup connect4
    took=$(in_ns "$H" "$BUILD/tests/unit/facts/driver_checks_bpf" -t 11)
    unload
    cgroup_gone
    tap_note "500 cgroups: $(us "$took" cgroup-bpf) us of processor time"
    tap_check "500 cgroups take less than 40 ms" test "$(us "$took" cgroup-bpf)" -lt 40000
}

test_cost() {
    local few many
    links 200
    few=$(in_ns "$LAB-many" "$BUILD/tests/unit/facts/driver_checks_bpf" -t 11)
    ns_remove "$LAB-many"
    links 2000
    many=$(in_ns "$LAB-many" "$BUILD/tests/unit/facts/driver_checks_bpf" -t 5)
    ns_remove "$LAB-many"
    tap_note "200 links: $(us "$few" all) us of processor time; 2000 links: $(us "$many" all) us"
    tap_check "200 links take less than 20 ms" test "$(us "$few" all)" -lt 20000
    tap_check "ten times as many take less than 30 times as long" \
        test "$(us "$many" all)" -lt $((30 * $(us "$few" all)))
}

lab_init -bpf
lab_world
lab_host
ip -n "$H" link add ifb0 type ifb
ip -n "$H" link set ifb0 up
witness_start
kr up >"$LAB_DIR/up.log" 2>&1 || die "up: $(cat "$LAB_DIR/up.log")"
BASE=$(verdicts)
for id in xdp-programs xdp-sockets tc-filters tc-qdisc tc-offload tcx-netkit cgroup-bpf sockmap \
    lwt-programs bpf-netfilter-links; do
    tap_check "with nothing there $id holds" grep -qx "$id holds" <<<"$BASE"
done
tap_check "control: the container's mail does not leave" not_attacked
test_xdp
test_xsk
test_tc
test_classes
test_programs
test_routes
test_cgroups
test_sockets
test_unprivileged
test_cost
test_cost_of_cgroups
kr down --force >/dev/null 2>&1 || true
tap_done
