#!/usr/bin/env bash
# What the gate costs: its own time around a command for a dozen domains, and the throughput of a real
# Postfix from injection to the sink, under gate, guard and guards, against the bare documented line with
# the same sink, in turns. Prints rows as run.sh does, exits 1 when a goal is missed.
# usage: tests/bench/gate.sh [MESSAGES [ROUNDS]]    1500 and 5 by default
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"
MESSAGES=${1:-1500} ROUNDS=${2:-5} MISSED=0

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

# Writes down when it begins; "$@" is where run puts the suffix.
generator() {
    echo "echo \"\$EPOCHREALTIME\" >$LAB_DIR/begun; exec $BUILD/kumo-gen ${NAMES[*]} --target 127.0.0.1:587" \
        "--message-count $MESSAGES --concurrency 20 --duration 120 -q \"\$@\""
}

# delivered COMMAND...: messages a second from the first injection to the empty queue.
delivered() {
    local end
    rm -f "$LAB_DIR/begun"
    "$@" </dev/null >"$LAB_DIR/gen.out" 2>"$LAB_DIR/gen.err" &
    local pid=$!
    wait_for 60 test -s "$LAB_DIR/begun" || die "no generator: $(cat "$LAB_DIR/gen.err")"
    until [[ $(mta_sent "$SENT_FROM") -ge $MESSAGES ]]; do
        sleep 0.05
        (($(now) < $(sed 's/\.//' "$LAB_DIR/begun") + 180000000)) || die "not delivered: $(tail -n 3 "$MTA_DIR/log")"
    done
    end=$(now)
    wait "$pid" || die "status $?: $(cat "$LAB_DIR/gen.err")"
    awk -v n="$MESSAGES" -v us="$((end - $(sed 's/\.//' "$LAB_DIR/begun")))" 'BEGIN { printf "%.1f\n", n * 1e6 / us }'
}

# A fresh host and a fresh Postfix for each; both end at a kumo-sink.
by_line() {
    lab_host
    mta_start
    spawn sink "$H" "$KR_SINK" --listen 0.0.0.0:2026 --quiet
    wait_for 5 line_listens || die "the sink does not listen"
    in_ns "$H" iptables -t nat -A OUTPUT -p tcp ! -d "$LAN_NET4" --dport 25 -j DNAT --to-destination 127.0.0.1:2026
    SENT_FROM=$(mta_log_end)
    delivered in_ns "$H" bash -c "$(generator)" generator --domain-suffix '' --i-know >>"$LAB_DIR/line"
    mta_stop
    lab_host_gone
}
line_listens() { [[ -n $(in_ns "$H" ss -Hltn "sport = :2026") ]]; }

by_gate() {
    lab_host
    mta_start
    SENT_FROM=$(mta_log_end)
    delivered "${RUN_NS[@]}" -q -- bash -c "$(generator)" generator >>"$LAB_DIR/gate"
    mta_stop
    forget_state
    lab_host_gone
}

# In turns, the other one first each time; the ratio is the median of those of the rounds.
bench_throughput() {
    local i ratio ours line
    lab_host_gone
    for ((i = 0; i < ROUNDS; i++)); do
        if ((i % 2)); then by_gate && by_line; else by_line && by_gate; fi
    done
    echo "# messages/s: gate $(paste -sd' ' "$LAB_DIR/gate"); line $(paste -sd' ' "$LAB_DIR/line")"
    ratio=$(paste "$LAB_DIR/gate" "$LAB_DIR/line" | awk '{ printf "%.3f\n", $1 / $2 }' | median)
    ours=$(median <"$LAB_DIR/gate")
    line=$(median <"$LAB_DIR/line")
    row "gate: Postfix, injection to sink, against the line" "$ours/s" "$line/s" "$ratio" ">= 0.98" \
        "$(verdict "$ratio >= 0.98")"
}

mail_lab b
pkg_need unbound nsd postfix || die "the packages can't be had"
lab_world
lab_host
gate_dns_start
gate_words
mta_start
bench_own_time
mta_stop
bench_throughput
exit "$MISSED"
