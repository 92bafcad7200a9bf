#!/usr/bin/env bash
# CPU time of a sink for a message: kumo-sink against Postfix's smtp-sink, from the same generator, in
# turn, on the loopback of a namespace of its own; and kumo-sink with a policy against itself without.
# Prints rows as run.sh does; exits 1 when a goal is missed.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$HERE/../pkg.sh"
MESSAGES=${MESSAGES:-20000} ROUNDS=${ROUNDS:-5} MISSED=0

((EUID == 0)) || die "network namespaces need root"
if [[ -z ${KR_BENCH_INSIDE:-} ]]; then
    pkg_need postfix || { echo "# no Postfix to compare with" >&2; exit 0; }
    KR_BENCH_INSIDE=1 exec unshare -n "$HERE/sink.sh"
fi
ip link set lo up
sysctl -qw net.ipv4.ip_local_port_range="10000 65000"
DIR=$(mktemp -d)
chmod 755 "$DIR"
PID=
trap '[[ -z $PID ]] || kill "$PID" 2>/dev/null || true; rm -rf "$DIR"' EXIT
mkdir -p "$DIR/postfix"
: >"$DIR/postfix/main.cf"
pkg_run "$DIR"
# What a policy does for each message: dice, limits and rules that are looked at.
cat >"$DIR/policy.toml" <<'END'
[provider.p]
domains = "d.example"
bounce = 5
defer = 5
rate = 1000000
burst = 1000000
connections = 1000
END
for ((i = 0; i < 10; i++)); do
    printf '[[rule]]\ndomain = "%d.example"\nlocal = "x*"\ncode = 550\n' "$i" >>"$DIR/policy.toml"
done

# Nanoseconds on the CPU of a process and its children (proc(5), schedstat).
cpu_ns() {
    local sum=0 ns pid
    # shellcheck disable=SC2013
    for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
        read -r ns _ <"/proc/$pid/schedstat"
        sum=$((sum + ns))
    done
    echo "$sum"
}
listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# measure PORT MODE BYTES MESSAGES: tenths of a microsecond a message, of the sink that PID is.
measure() {
    local before
    wait_for 10 listens "$1" || die "nobody listens on port $1"
    before=$(cpu_ns "$PID")
    timeout 300 "$TOOLS/smtpload" "$1" "$2" "$3" "$4" >"$DIR/sent" || die "the generator failed"
    echo $((($(cpu_ns "$PID") - before) / ($4 * 100)))
    kill "$PID"
    wait "$PID" 2>/dev/null || true
    PID=
}
ours() { # FILE ARGUMENTS OF MEASURE... [-- OPTIONS OF THE SINK...]
    local to=$1 mode=$2 bytes=$3 n=$4
    shift 4
    "$KR_SINK" -q -w 1 -l 127.0.0.1:2026 "$@" &
    PID=$!
    measure 2026 "$mode" "$bytes" "$n" >>"$DIR/$to"
}
theirs() {
    # exec in PKG_RUN: the process is smtp-sink itself, which has no children.
    "${PKG_RUN[@]}" /usr/sbin/smtp-sink -u nobody 127.0.0.1:2027 256 &
    PID=$!
    measure 2027 "$2" "$3" "$4" >>"$DIR/$1"
}
# Of several rounds: what else the machine does only adds.
least() { sort -n | awk 'NR == 1 { printf "%.1f", $1 / 10 }'; }

# row NAME A B GOAL: the least of two files, their ratio, and whether it is at most the goal.
row() {
    local a b ratio holds
    a=$(least <"$DIR/$2") b=$(least <"$DIR/$3")
    ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b ? a / b : 0 }')
    holds=$(awk -v r="$ratio" -v g="$4" 'BEGIN { print((r > 0 && r <= g) ? "ok" : "missed") }')
    printf '%-46s %14s %14s %8s  %-10s %s\n' "$1" "$a us" "$b us" "$ratio" "<= $4" "$holds"
    [[ $holds == ok ]] || MISSED=1
}

# NAME MODE BYTES MESSAGES GOAL: 10 times cheaper is 0.10.
while read -r name mode bytes n goal; do
    for ((i = 0; i < ROUNDS; i++)); do
        ours "ours.$name" "$mode" "$bytes" "$n"
        theirs "theirs.$name" "$mode" "$bytes" "$n"
    done
    row "sink CPU: ${name//_/ }" "ours.$name" "theirs.$name" "$goal"
done <<END
1_KB,_a_command_after_the_other plain 1024 $MESSAGES 0.59
1_KB,_pipelined pipelined 1024 $MESSAGES 0.56
100_KB,_pipelined pipelined 102400 $((MESSAGES / 10)) 0.10
1_KB,_one_a_connection alone 1024 $((MESSAGES / 4)) 0.71
END
for ((i = 0; i < ROUNDS; i++)); do
    ours plain pipelined 1024 "$MESSAGES"
    ours policy pipelined 1024 "$MESSAGES" --policy "$DIR/policy.toml"
done
row "sink CPU: a policy, against none" policy plain 1.10
exit "$MISSED"
