#!/usr/bin/env bash
# What the gate costs: its own time around a command for a dozen domains, and the throughput of a real
# Postfix from injection to the sink, under gate, guard and guards, against the bare documented line with
# the same sink, in turns. Prints rows as run.sh does, exits 1 when a goal is missed.
# usage: tests/bench/gate.sh [MESSAGES [ROUNDS [time|throughput]]]    2500 and 5 by default
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"
MESSAGES=${1:-2500} ROUNDS=${2:-5} PART=${3:-} WARM=300 MISSED=0

row() {
    printf '%-46s %14s %14s %8s  %-10s %s\n' "$1" "$2" "$3" "$4" "$5" "$6"
    [[ $6 != missed ]] || MISSED=1
}
verdict() { awk "BEGIN { print(($1) ? \"ok\" : \"missed\") }"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
now() { echo "${EPOCHREALTIME/./}"; }

# The twelve are reached over IPv4 alone: the line does not take the other family.
NAMES=()
for i in 1 2 4 5 7 8 10 11 13 14 16 17; do NAMES+=("--domain=d$i.example"); done

# ---- the gate's own time ---------------------------------------------------------------------------

# Lines "TO-RELEASE WHOLE ALONE" in microseconds.
own_time() {
    local i begin end alone
    for ((i = 0; i < 7; i++)); do
        begin=$(now)
        "$STUB" >"$LAB_DIR/alone"
        alone=$(($(now) - begin))
        begin=$(now)
        "${RUN_NS[@]}" -q -- "$STUB" "${NAMES[@]}" >"$LAB_DIR/begun" 2>"$LAB_DIR/err" ||
            die "run: $(cat "$LAB_DIR/err")"
        end=$(now)
        echo "$(($(sed 's/\.//' "$LAB_DIR/begun") - begin)) $((end - begin)) $alone"
    done
}

bench_own_time() {
    local to whole alone
    STUB=$LAB_DIR/bin/traffic-gen
    mkdir -p "$LAB_DIR/bin"
    printf '#!/bin/bash\necho "$EPOCHREALTIME"\n' >"$STUB"
    chmod 755 "$STUB"
    own_time >"$LAB_DIR/times"
    to=$(cut -d' ' -f1 "$LAB_DIR/times" | median)
    whole=$(cut -d' ' -f2 "$LAB_DIR/times" | median)
    alone=$(cut -d' ' -f3 "$LAB_DIR/times" | median)
    row "gate: a dozen domains, up to the release" "$((to / 1000)) ms" "$((alone / 1000)) ms" - "< 1000 ms" \
        "$(verdict "$to - $alone < 1000000")"
    row "  the same with what follows, for information" "$((whole / 1000)) ms" "$((alone / 1000)) ms" - - -
}

# ---- throughput ------------------------------------------------------------------------------------

# What both sides run, "$@" is where run puts the suffix: mail until connections and caches are warm and
# it is delivered, then what is measured, whose beginning is written down.
generator() {
    local gen="$BUILD/kumo-gen ${NAMES[*]} --target 127.0.0.1:587 --concurrency 20 --duration 120 -q"
    cat <<EOF
$gen --message-count $WARM "\$@" || exit
until [[ -e $LAB_DIR/warm ]]; do sleep 0.05; done
echo "\$EPOCHREALTIME" >$LAB_DIR/begun
exec $gen --message-count $MESSAGES "\$@"
EOF
}

# follow FROM-BYTE: prints messages a second, from the generator's beginning to the last delivery that the
# MTA's log tells, and the processor time of everything here for each of them in µs.
follow() {
    timeout 150 python3 - "$MTA_DIR/log" "$1" "$WARM" "$MESSAGES" "$LAB_DIR" "$CGROUP/cpu.stat" <<'EOF'
import os, sys, time
path, (begin, warm, wanted), here, stat = sys.argv[1], map(int, sys.argv[2:5]), *sys.argv[5:]
seen, kept, log = 0, b"", open(path, "rb")
log.seek(begin)

def used():
    return int(open(stat).readline().split()[1])

def until(messages):
    global seen, kept
    while seen < messages:
        time.sleep(0.01)
        kept += log.read()
        lines, _, kept = kept.rpartition(b"\n")
        seen += lines.count(b" status=sent ")

def number(name):
    try:
        return float(open(here + "/" + name).read())
    except (FileNotFoundError, ValueError):
        return 0

until(warm)
open(here + "/warm", "w").close()
while not number("begun"):
    time.sleep(0.005)
before = used()
until(warm + wanted)
print("%.1f %.1f" % (wanted / (time.time() - number("begun")), (used() - before) / wanted))
EOF
}

# delivered SIDE COMMAND...: a line more in $LAB_DIR/SIDE.
delivered() {
    local end pid side=$1
    shift
    rm -f "$LAB_DIR/begun" "$LAB_DIR/warm"
    follow "$(stat -c %s "$MTA_DIR/log")" >>"$LAB_DIR/$side" &
    end=$!
    "$@" </dev/null >"$LAB_DIR/gen.out" 2>"$LAB_DIR/gen.err" &
    pid=$!
    wait "$end" || die "not delivered: $(tail -n 3 "$MTA_DIR/log" "$LAB_DIR/gen.err")"
    wait "$pid" || die "status $?: $(cat "$LAB_DIR/gen.err")"
}

# Both end at a kumo-sink of the same kind; host and Postfix are the same.
by_line() {
    local rule=(OUTPUT -p tcp ! -d "$LAN_NET4" --dport 25 -j DNAT --to-destination 127.0.0.1:2026)
    spawn sink "$H" "$KR_SINK" --listen 0.0.0.0:2026 --quiet
    wait_for 5 line_listens || die "the sink does not listen"
    in_ns "$H" iptables -t nat -A "${rule[@]}"
    delivered line in_ns "$H" bash -c "$(generator)" generator --domain-suffix '' --i-know
    in_ns "$H" iptables -t nat -D "${rule[@]}"
    kill "$SPAWNED"
}
line_listens() { [[ -n $(in_ns "$H" ss -Hltn "sport = :2026") ]]; }

by_gate() { delivered gate "${RUN_NS[@]}" -q -- bash -c "$(generator)" generator; }

# compare COLUMN UNIT SENSE NAME: its medians, and the median of the rounds' ratios, told with all of them;
# SENSE 1: gate to line, -1: line to gate, so that less than 1 is a cost.
compare() {
    local ratio side m=()
    for side in gate line; do
        cut -d' ' -f"$1" "$LAB_DIR/$side" >"$LAB_DIR/$side.one"
        echo "# $side, $2: $(paste -sd' ' "$LAB_DIR/$side.one")"
        m+=("$(median <"$LAB_DIR/$side.one")")
    done
    paste "$LAB_DIR/gate.one" "$LAB_DIR/line.one" | awk -v s="$3" '{ printf "%.3f\n", ($1 / $2) ^ s }' | sort -n >"$LAB_DIR/ratios"
    echo "# ratios: $(paste -sd' ' "$LAB_DIR/ratios")"
    ratio=$(median <"$LAB_DIR/ratios")
    row "$4" "${m[0]} $2" "${m[1]} $2" "$ratio" ">= 0.98" "$(verdict "$ratio >= 0.98")"
}

# In turns, the other one first each time, after a round of each that does not count.
bench_throughput() {
    local i
    by_line
    by_gate
    rm "$LAB_DIR/line" "$LAB_DIR/gate"
    for ((i = 0; i < ROUNDS; i++)); do
        if ((i % 2)); then by_gate && by_line; else by_line && by_gate; fi
    done
    compare 1 msg/s 1 "gate: Postfix, injection to sink, against the line"
    compare 2 us/msg -1 "  the same, processor time of all of it"
}

# Everything that is started from here on, and what `run` makes below it, counts together.
join_cgroup() {
    cgroup_new
    [[ -n $CGROUP ]] || die "no cgroups"
    echo $$ >"$CGROUP/cgroup.procs"
    trap 'leave_cgroup $?; mail_cleanup' EXIT
}
leave_cgroup() {
    set +e
    echo $$ >"${CGROUP%/*}/cgroup.procs"
    return "$1"
}

mail_lab b
join_cgroup
pkg_need unbound nsd postfix || die "the packages can't be had"
lab_world
lab_host
gate_dns_start
gate_words
mta_start
[[ $PART == throughput ]] || bench_own_time
[[ $PART == time ]] || bench_throughput
exit "$MISSED"
