#!/usr/bin/env bash
# CPU time of a sink for each message of 1 KB that comes alone on its connection: kumo-sink against
# Postfix's smtp-sink, fed by Postfix's smtp-source on the loopback of a namespace of its own. Prints
# rows as run.sh does; exits 1 when the goal is missed.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$HERE/../pkg.sh"
MESSAGES=${MESSAGES:-20000} ROUNDS=3 GOAL=1.10

((EUID == 0)) || die "network namespaces need root"
if [[ -z ${KR_BENCH_INSIDE:-} ]]; then
    pkg_need postfix || { echo "# no Postfix to compare with" >&2; exit 0; }
    KR_BENCH_INSIDE=1 exec unshare -n "$HERE/sink.sh"
fi
ip link set lo up
sysctl -qw net.ipv4.ip_local_port_range="10000 65000"
DIR=$(mktemp -d)
PID=
trap '[[ -z $PID ]] || kill "$PID" 2>/dev/null || true; rm -rf "$DIR"' EXIT
mkdir -p "$DIR/postfix"
: >"$DIR/postfix/main.cf"
pkg_run "$DIR"

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

# measure PORT: tenths of a microsecond for each message, of the sink that PID is.
measure() {
    local before
    wait_for 10 listens "$1" || die "nobody listens on port $1"
    before=$(cpu_ns "$PID")
    "${PKG_RUN[@]}" /usr/sbin/smtp-source -s 20 -l 1024 -m "$MESSAGES" -f a@b.example \
        -t c@d.example "127.0.0.1:$1" >&2
    echo $((($(cpu_ns "$PID") - before) / (MESSAGES * 100)))
}
stop() {
    kill "$PID"
    wait "$PID" 2>/dev/null || true
    PID=
}
ours() {
    "$KR_SINK" -q -w 1 -l 127.0.0.1:2026 --stats-on-exit "$DIR/account" &
    PID=$!
    measure 2026 >>"$DIR/ours"
    stop
    grep -q "\"messages\":$MESSAGES," "$DIR/account" || die "messages were lost: $(cat "$DIR/account")"
}
theirs() {
    # exec in PKG_RUN: the process is smtp-sink itself, which has no children.
    "${PKG_RUN[@]}" /usr/sbin/smtp-sink -u nobody 127.0.0.1:2027 256 &
    PID=$!
    measure 2027 >>"$DIR/theirs"
    stop
}
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] / 10 }'; }

for ((i = 0; i < ROUNDS; i++)); do
    ours
    theirs
done
a=$(median <"$DIR/ours") b=$(median <"$DIR/theirs")
ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b ? a / b : 0 }')
holds=$(awk -v r="$ratio" -v g="$GOAL" 'BEGIN { print((r > 0 && r <= g) ? "ok" : "missed") }')
printf '%-46s %14s %14s %8s  %-10s %s\n' "CPU for a message, against smtp-sink" "$a us" "$b us" \
    "$ratio" "<= $GOAL" "$holds"
[[ $holds == ok ]]
