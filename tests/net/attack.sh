# shellcheck shell=bash
# What attack scripts use. They are sourced, one at a time, into a lab that was made for them.
# HEARD is where the attacker's side is written down: who answered tells who served it.

HEARD=/dev/null

conn() {
    local ns=$1
    shift
    echo "try $*" >>"$HEARD"
    in_ns "$ns" "$TOOLS/tcpconn" "$@" >>"$HEARD" 2>&1 || true
}

raw() {
    local ns=$1
    shift
    echo "raw $*" >>"$HEARD"
    in_ns "$ns" "$TOOLS/rawsyn" "$@" >>"$HEARD" 2>&1 || true
}

# A frame out of the uplink, to the gateway's address: raw_frame OPTIONS... SRC SPORT DST DPORT
raw_frame() { raw "$H" -d up0 -M "$IN0_MAC" "$@"; }

# Makes conntrack see every packet of the host from now on.
track() { nft_in "add table inet track { chain c { type filter hook output priority 0; ct state new; }; }"; }

# open_conn NAME NS ARGS...: a connection that stays and has heard a greeting; its local port is left
# in CONN_PORT.
open_conn() {
    local name=$1 ns=$2 log=$LAB_DIR/$1.log
    shift 2
    CONN_PORT=
    rm -f "$LAB_DIR/$name.in" "$log"
    mkfifo "$LAB_DIR/$name.in"
    exec {CONN_IN}<>"$LAB_DIR/$name.in"
    spawn "$name" "$ns" "$TOOLS/tcpconn" -i -w 1000 "$@" <&"$CONN_IN"
    await_line "$log" '^(connected|error)' 1 3 || return 1
    CONN_PORT=$(sed -nE 's/^connected .*:([0-9]+)$/\1/p' "$log" | head -n 1)
    [[ -n $CONN_PORT ]] && say "$name" recv && grep -q '^recv 220' "$log"
}

# say NAME WORDS...: to such a connection; waits until it answered for itself.
say() {
    local name=$1 log=$LAB_DIR/$1.log lines
    shift
    lines=$(wc -l <"$log")
    echo "$*" >&"$CONN_IN"
    await_line "$log" '^(sent|error|recv|fin)' "$((lines + 1))" 2 || true
}

# Until nothing that was sent is on its way any more.
settle() { witness_mark; }

# tc that makes port 26 to 25 (act_pedit). tc_rewrite NS DEV; tc_rewrites DEV: whether this kernel can.
tc_rewrite() {
    in_ns "$1" tc filter add dev "$2" egress protocol ip flower ip_proto tcp dst_port 26 \
        action pedit ex munge tcp dport set 25
}
tc_rewrites() {
    in_ns "$L" tc qdisc add dev "$1" clsact 2>/dev/null || { echo "this kernel has no clsact"; return 1; }
    local bad=0
    tc_rewrite "$L" "$1" >/dev/null 2>&1 || { echo "this kernel has no tc pedit"; bad=1; }
    in_ns "$L" tc qdisc del dev "$1" clsact
    return "$bad"
}
