#!/usr/bin/env bash
# What a message costs the generator: kumo-gen against Postfix's smtp-source, on the same sink, in turn,
# on the loopback of a namespace of its own; and the percentiles it tells, against those of a capture.
# Prints rows as run.sh does; exits 1 when a goal is missed.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$HERE/../pkg.sh"
GEN=${KR_GEN:-$BUILD/kumo-gen}
MESSAGES=${MESSAGES:-20000} ROUNDS=${ROUNDS:-5} MISSED=0

((EUID == 0)) || die "network namespaces need root"
if [[ -z ${KR_BENCH_INSIDE:-} ]]; then
    pkg_need postfix || { echo "# no Postfix to compare with" >&2; exit 0; }
    KR_BENCH_INSIDE=1 exec unshare -n "$HERE/gen.sh"
fi
ip link set lo up
DIR=$(mktemp -d)
chmod 755 "$DIR"
SINK='' CAPTURE=''
trap 'kill $SINK $CAPTURE 2>/dev/null || true; rm -rf "$DIR"' EXIT
mkdir -p "$DIR/postfix"
: >"$DIR/postfix/main.cf"
pkg_run "$DIR"
"$KR_SINK" -q -w 1 -l 127.0.0.1:2026 -c "$DIR/control" &
SINK=$!
wait_for 10 test -S "$DIR/control" || die "no sink"

# CPU time of a command and its children, in us. The fork of a large process would count too: no Python.
cpu_us() {
    local TIMEFORMAT='%3U %3S'
    { time "$@" >/dev/null 2>"$DIR/said"; } 2>"$DIR/time" || die "$1 failed: $(cat "$DIR/said")"
    awk '{ printf "%d", ($1 + $2) * 1e6 }' "$DIR/time"
}
# Tenths of a microsecond a message, added to a file.
ours() { # FILE BYTES MESSAGES OPTIONS...
    local to=$1 bytes=$2 n=$3
    shift 3
    echo $(($(cpu_us "$GEN" -q -w 1 -c 16 -n "$n" --body-size "$bytes" -t 127.0.0.1:2026 "$@") * 10 / n)) >>"$DIR/$to"
}
theirs() { # FILE BYTES MESSAGES OPTIONS...
    local to=$1 bytes=$2 n=$3
    shift 3
    # exec in PKG_RUN: the process is smtp-source itself; what unshare costs before is a millisecond.
    echo $(($(cpu_us "${PKG_RUN[@]}" /usr/sbin/smtp-source -s 16 -m "$n" -l "$bytes" "$@" -f a@b.example \
        -t c@d.example 127.0.0.1:2026) * 10 / n)) >>"$DIR/$to"
}
least() { sort -n | awk 'NR == 1 { printf "%.1f", $1 / 10 }'; }

# row NAME A B GOAL: messages per CPU second of A against those of B, at least GOAL times as many.
row() {
    local a b ratio holds
    a=$(least <"$DIR/$2") b=$(least <"$DIR/$3")
    ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", a ? b / a : 0 }')
    holds=$(awk -v r="$ratio" -v g="$4" 'BEGIN { print((r >= g) ? "ok" : "missed") }')
    printf '%-46s %14s %14s %8s  %-10s %s\n' "$1" "$a us" "$b us" "$ratio" ">= $4" "$holds"
    [[ $holds == ok ]] || MISSED=1
}
while read -r name bytes n goal options; do
    for ((i = 0; i < ROUNDS; i++)); do
        # shellcheck disable=SC2086
        ours "ours.$name" "$bytes" "$n" $options
        theirs "theirs.$name" "$bytes" "$n" -d
    done
    row "gen CPU: ${name//_/ }" "ours.$name" "theirs.$name" "$goal"
done <<TABLE
1_KB,_pipelined 1024 $MESSAGES 3
1_KB,_a_command_after_the_other 1024 $MESSAGES 1.5 --no-pipelining
100_KB,_pipelined 102400 $((MESSAGES / 5)) 1.3
TABLE

# From MAIL to the answer to the dot, as the wire has it, connection by connection. The sink answers as
# slowly as a mail server does: beside 200 us the time it takes a process to wake up would be seen.
kill "$SINK"
wait "$SINK" 2>/dev/null || true
echo '[default]
delay_dot = { lognormal = "10ms", sigma = 0.6 }' >"$DIR/policy.toml"
rm -f "$DIR/control"
"$KR_SINK" -q -w 1 -l 127.0.0.1:2026 -c "$DIR/control" --policy "$DIR/policy.toml" &
SINK=$!
wait_for 10 test -S "$DIR/control" || die "no sink"
tcpdump -i lo -w "$DIR/pcap" -s 160 -B 65536 --immediate-mode 'tcp port 2026' 2>"$DIR/tcpdump" &
CAPTURE=$!
wait_for 10 grep -q 'listening on' "$DIR/tcpdump" || die "no capture"
"$GEN" -q -w 1 -c 64 -d 5 --throttle 500/s -t 127.0.0.1:2026 --format json >"$DIR/account"
kill -INT "$CAPTURE"
wait "$CAPTURE" 2>/dev/null || true
CAPTURE=
python3 "$HERE/latency.py" "$DIR/pcap" 2026 >"$DIR/seen"
for p in p50 p90 p99; do
    told=$(jq -r ".latency_us.$p" "$DIR/account") seen=$(awk -v p="$p" '$1 == p { print $2 }' "$DIR/seen")
    off=$(awk -v a="$told" -v b="$seen" 'BEGIN { printf "%.3f", b ? a / b : 0 }')
    holds=$(awk -v r="$off" 'BEGIN { print((r >= 0.95 && r <= 1.05) ? "ok" : "missed") }')
    printf '%-46s %14s %14s %8s  %-10s %s\n' "gen latency: $p, against a capture" "$told us" "$seen us" "$off" \
        "0.95-1.05" "$holds"
    [[ $holds == ok ]] || MISSED=1
done
exit "$MISSED"
