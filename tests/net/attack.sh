# shellcheck shell=bash
# What attack scripts use: they are sourced, one at a time, into a lab that was made for them.

# The words a connection brought back are kept, to tell who served it.
conn() {
    local ns=$1
    shift
    in_ns "$ns" "$TOOLS/tcpconn" "$@" >>"$LAB_DIR/heard" 2>&1 || true
}

raw() {
    local ns=$1
    shift
    in_ns "$ns" "$TOOLS/rawsyn" "$@" >>"$LAB_DIR/heard" 2>&1 || true
}

nft_in() { in_ns "$H" nft "$1"; }

# Makes conntrack see every packet of the host from now on.
track() { nft_in "add table inet track { chain c { type filter hook output priority 0; ct state new; }; }"; }

# open_conn NAME NS ARGS...: a connection that stays; its local port is left in CONN_PORT.
open_conn() {
    local name=$1 ns=$2 log
    shift 2
    rm -f "$LAB_DIR/$name.in"
    mkfifo "$LAB_DIR/$name.in"
    exec {CONN_IN}<>"$LAB_DIR/$name.in"
    spawn "$name" "$ns" "$TOOLS/tcpconn" -i -w 1000 "$@" <&"$CONN_IN"
    log=$LAB_DIR/$name.log
    await_line "$log" '^(connected|error)' 1 3 || return 1
    CONN_PORT=$(sed -nE 's/^connected .*:([0-9]+)$/\1/p' "$log" | head -n 1)
    [[ -n $CONN_PORT ]] && say "$name" recv
}

# say NAME WORDS...: to such a connection; waits until it answered for itself.
say() {
    local name=$1 log lines
    shift
    log=$LAB_DIR/$name.log
    lines=$(wc -l <"$log")
    echo "$*" >&"$CONN_IN"
    await_line "$log" '^(sent|error|recv|fin)' "$((lines + 1))" 2 || true
}

# Until nothing moves in either witness any more.
settle() { witness_mark || true; }
