#!/usr/bin/env bash
# What the gate costs: its own time around a command for a dozen domains, and the throughput of a real
# Postfix from injection to the sink, under gate, guard and guards, against the bare documented line with
# the same sink. Prints rows as run.sh does, exits 1 when a goal is missed.
# For the throughput two labs stand beside each other, each with a DNS and a Postfix of its own, one under
# `run` and one behind the line. They take blocks of messages in turns, a second or so each, so that what
# the machine does otherwise meets both; a pair of blocks during which somebody else used the processors
# does not count for the rate. What the gate uses while it only waits for its turn is taken off the line's time.
# usage: tests/bench/gate.sh [MESSAGES [PAIRS [time|throughput]]]    500 and 60 by default
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/bench/lib-bench.sh
. "$TESTS/bench/lib-bench.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"
MESSAGES=${1:-500} PAIRS=${2:-60} PART=${3:-} MISSED=0
WARM=4     # blocks of each side that do not count
OTHERS=0.1 # of the processors, which others (the kernel itself, too) may use during a block
MOST=240   # seconds for all of it

verdict() { awk "BEGIN { print(($1) ? \"ok\" : \"missed\") }"; }
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

# ---- throughput: one side --------------------------------------------------------------------------

# What both sides run, "$@" is where run puts the suffix: a block of messages for each line it reads. The
# generator's own look at the evidence is not the gate's, so neither side has it.
generator() {
    cat <<EOF
while read -r _ <&9; do
    $BUILD/kumo-gen ${NAMES[*]} --target 127.0.0.1:587 --concurrency 20 --duration 60 -q --i-know --message-count $MESSAGES "\$@" ||
        exit
done 9<$SHARED/$SIDE.gen
EOF
}

# The sink is of the same kind as the other's, with as many processes, in a session of its own: where the
# kernel shares the processors by session (autogroup in sched(7)) it gets the same share.
by_line() {
    spawn sink "$H" setsid "$KR_SINK" --listen 0.0.0.0:2026 --quiet --workers "$WORKERS"
    wait_for 5 line_listens || die "the sink does not listen"
    in_ns "$H" iptables -t nat -A OUTPUT -p tcp ! -d "$LAN_NET4" --dport 25 -j DNAT --to-destination 127.0.0.1:2026
    in_ns "$H" bash -c "$(generator)" generator --domain-suffix ''
}
line_listens() { [[ -n $(in_ns "$H" ss -Hltn "sport = :2026") ]]; }

by_gate() { "${RUN_NS[@]}" -q -- bash -c "$(generator)" generator; }

one_side() {
    echo "$MTA_DIR/log $CGROUP" >"$SHARED/$SIDE.new"
    mv "$SHARED/$SIDE.new" "$SHARED/$SIDE.ready"
    "by_$SIDE" </dev/null
}

# ---- throughput: both ------------------------------------------------------------------------------

# Processes of the sink that `up` starts.
sink_workers() {
    kr_in() { in_ns "$H" "$KR" -q "$@"; }
    kr_in up
    pgrep -c -P "$(jq .sink_pid "$(kr_state).json")"
    kr_in down
}
both_ready() { [[ -e $SHARED/gate.ready && -e $SHARED/line.ready ]]; }

bench_throughput() {
    local side pids=() workers what ours rival ratio range
    SHARED=$LAB_DIR/shared
    mkdir "$SHARED"
    workers=$(sink_workers)
    for side in gate line; do
        mkfifo "$SHARED/$side.gen"
        SIDE=$side SHARED=$SHARED WORKERS=$workers "$0" "$MESSAGES" "$PAIRS" side >"$SHARED/$side.log" 2>&1 &
        pids+=("$!")
    done
    wait_for 60 both_ready || die "a side did not start: $(cat "$SHARED"/*.log)"
    timeout $((MOST + 60)) python3 "$TESTS/bench/gate_blocks.py" "$SHARED" "$MESSAGES" "$WARM" "$PAIRS" "$OTHERS" "$MOST" >"$SHARED/told" ||
        die "$(cat "$SHARED"/*.log)"
    for side in 0 1; do wait "${pids[side]}" || die "a side ended with $?: $(cat "$SHARED"/*.log)"; done
    grep '^#' "$SHARED/told"
    while IFS='|' read -r what ours rival ratio range; do
        row "${ROW[$what]}" "$ours" "$rival" "$ratio" ">= 0.98" "$(verdict "$ratio >= 0.98")"
        echo "# 95 of 100: $range"
    done < <(grep -v '^#' "$SHARED/told")
}
declare -A ROW=([rate]="gate: Postfix, injection to sink, against the line" [cost]="  the same, processor time of all of it")

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
pkg_need unbound nsd postfix || die "the packages can't be had"
[[ $PART != side ]] || join_cgroup
lab_world
lab_host
if [[ $PART != throughput ]]; then
    gate_dns_start
    gate_words
    mta_start
fi
case $PART in
side) one_side && exit ;;
throughput) ;;
*) bench_own_time ;;
esac
[[ $PART == time ]] || bench_throughput
exit "$MISSED"
