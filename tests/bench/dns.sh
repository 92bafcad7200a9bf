#!/usr/bin/env bash
# The DNS engine: a made-up million (memory, queries, cost), ten domains over a slow line, and against
# dnsperf on the same nsd and on the same warm unbound: medians of ROUNDS by turns, with the best of
# dnsperf's settings. Prints rows as run.sh does; exits 1 when a goal is missed. PARTS: some of them.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=tests/bench/lib-bench.sh
. "$TESTS/bench/lib-bench.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/dns/lib-dns.sh
. "$TESTS/dns/lib-dns.sh"
MILLION=${MILLION:-1000000} NAMES=${NAMES:-400000} ROUNDS=${ROUNDS:-5} MISSED=0 THEIRS=()

((EUID == 0)) || die "network namespaces need root"
pkg_need "${DNS_NEEDS[@]}" || { echo "# no nsd or unbound to compare with" >&2; exit 0; }
dns_init n

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b ? a / b : 0 }'; }
# row NAME OURS RIVAL RATIO RELATION GOAL
row() {
    local holds
    holds=$(awk -v r="$4" -v how="$5" -v g="$6" 'BEGIN { print((how == "<=" ? r <= g : r >= g) ? "ok" : "missed") }')
    [[ $holds == ok ]] || MISSED=1
    printf '%-46s %14s %14s %8s  %-10s %s\n' "$1" "$2" "$3" "$4" "$5 $6" "$holds"
}
CLIENT=(taskset -c 0) SERVER=(taskset -c 1)
(($(nproc) > 1)) || CLIENT=() SERVER=()

# ask_file FILE OPTION...: preflight of a file; leaves the sum in $LAB_DIR/sum.
ask_file() {
    local file=$1
    shift
    in_ns "$H" "${CLIENT[@]}" "$KR" preflight --mta none --format json --domains-file "$file" "$@" \
        >"$LAB_DIR/ndjson" 2>"$LAB_DIR/err" || true
    tail -n 1 "$LAB_DIR/ndjson" >"$LAB_DIR/sum"
}
of_sum() { jq -r "$1" "$LAB_DIR/sum"; }
rate() { of_sum '.dns.sent * 1000000 / .dns.us | floor'; }

bench_million() {
    local sent cpu10k cpu1m
    python3 "$TESTS/dns/world.py" "$MILLION" >"$LAB_DIR/million"
    head -n 10000 "$LAB_DIR/million" >"$LAB_DIR/ten-thousand"
    spawn_ready world "$H" "${SERVER[@]}" "$TOOLS/dnsworld"
    ask_file "$LAB_DIR/ten-thousand" --resolver 127.0.0.1
    cpu10k=$(of_sum '.dns.cpu_us / .domains')
    ask_file "$LAB_DIR/million" --resolver 127.0.0.1
    sent=$(of_sum .dns.sent)
    cpu1m=$(of_sum '.dns.cpu_us / .domains')
    echo "# a million: $(of_sum '"\(.dns.us / 1000 | floor) ms, \(.dns.cpu_us / 1000 | floor) ms CPU, \(.dns.hosts) hosts, \(.dns.again) asked again, \(.dns.lost) lost, \(.dns.tcp) by TCP, addresses not asked: \(.addresses_unasked); \(.outcomes)"')"
    row "a made-up million: memory of the engine" "$(of_sum '.dns.peak_kb / 1000 | floor') MB" - \
        "$(ratio "$(of_sum .dns.peak_kb)" 1000)" "<=" 150
    row "a made-up million: queries" "$sent" - "$(ratio "$sent" "$MILLION")" "<=" 2.3
    row "CPU a domain: a million against ten thousand" "$(printf '%.1f us' "$cpu1m")" "$(printf '%.1f us' "$cpu10k")" \
        "$(ratio "$cpu1m" "$cpu10k")" "<=" 1.25
    ask_file "$LAB_DIR/million" --resolver 127.0.0.1 --all-addresses
    sent=$(of_sum .dns.sent)
    echo "# with --all-addresses: $(of_sum '"\(.dns.us / 1000 | floor) ms, \(.dns.peak_kb / 1000 | floor) MB, \(.outcomes)"')"
    row "  with --all-addresses: queries" "$sent" - "$(ratio "$sent" "$MILLION")" "<=" 2.8
    kill "$SPAWNED"
    wait_for 5 await_line "$LAB_DIR/world.log" '^dropped'
}

# Every domain has an MX that all share, and no MTA-STS record: two questions each.
make_names() {
    local i
    seq 1 "$NAMES" | sed 's/.*/d&.bench.test/' >"$LAB_DIR/names"
    awk '{ print $1 " MX"; print "_mta-sts." $1 " TXT" }' "$LAB_DIR/names" >"$LAB_DIR/queries"
    zone bench.test. < <(
        echo 'mx A 192.0.2.1'
        awk -F. '{ print $1 " MX 10 mx" }' "$LAB_DIR/names"
    )
    zone test. <<END
ns A 127.0.0.2
bench NS ns.test.
END
    sign test.
    zone . <<END
test. NS ns.test.
$(ds_of test.)
ns.test. A 127.0.0.2
END
    sign .
}

# dnsperf_rate SERVER OPTION...
dnsperf_rate() {
    local server=$1
    shift
    in_ns "$H" "${CLIENT[@]}" dnsperf -s "$server" -d "$LAB_DIR/queries" -l 2 "$@" 2>/dev/null |
        sed -nE 's/.*Queries per second: *([0-9]+).*/\1/p'
}
our_rate() {
    ask_file "$LAB_DIR/names" --resolver "$1"
    rate
}
floor_rate() { in_ns "$H" "${CLIENT[@]}" "$TOOLS/dnsfloor" "$1" "$LAB_DIR/names" 2 | cut -d' ' -f1; }

# As few and as many sockets, threads and questions out as make a difference to it.
RIVALS=("-c 1 -q 100" "-c 4 -q 400" "-c 8 -q 1000" "-c 8 -T 2 -q 1000")
# rounds SERVER: all of them by turns; the medians are left in OURS, FLOOR, THEIRS (by the settings) and
# BEST, the settings that got the most.
rounds() {
    local server=$1 i r
    rm -f "$LAB_DIR"/rate.*
    for ((i = 0; i < ROUNDS; i++)); do
        our_rate "$server" >>"$LAB_DIR/rate.ours"
        floor_rate "$server" >>"$LAB_DIR/rate.floor"
        for r in "${!RIVALS[@]}"; do
            # shellcheck disable=SC2086
            dnsperf_rate "$server" ${RIVALS[r]} >>"$LAB_DIR/rate.$r"
        done
    done
    echo "# ours: $(paste -sd' ' "$LAB_DIR/rate.ours"), $(of_sum '"\(.dns.cpu_us * 10 / .dns.sent | floor / 10) us of CPU a query, \(.dns.lost) lost of \(.dns.sent)"')"
    OURS=$(median <"$LAB_DIR/rate.ours") FLOOR=$(median <"$LAB_DIR/rate.floor") BEST=0
    for r in "${!RIVALS[@]}"; do
        echo "# dnsperf ${RIVALS[r]}: $(paste -sd' ' "$LAB_DIR/rate.$r")"
        THEIRS[r]=$(median <"$LAB_DIR/rate.$r")
        ((THEIRS[r] <= THEIRS[BEST])) || BEST=$r
    done
}

against() { paired_ratio "$LAB_DIR/rate.ours" "$LAB_DIR/rate.$1"; }

# A process for each processor, as nsd.conf(5) has it, and nobody is kept to one.
bench_nsd() {
    local CLIENT=() nsd
    [[ -e $DNS/zones/bench.test.zone ]] || make_names
    nsd_up 127.0.0.3 "$(nproc)"
    nsd=$SPAWNED
    rounds 127.0.0.3
    row "queries/s at nsd, dnsperf as it comes" "$OURS" "${THEIRS[0]}" "$(against 0)" ">=" 2
    row "  dnsperf at its best here, ${RIVALS[BEST]}" "$OURS" "${THEIRS[BEST]}" "$(against "$BEST")" ">=" 0
    row "  the most that this nsd answers (dnsfloor)" "$OURS" "$FLOOR" "$(against floor)" ">=" 0
    kill "$nsd"
    wait_for 10 gone "$nsd"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# One process, on a processor that is all its own; the same for who asks.
bench_apart() {
    one_nsd
    rounds 127.0.0.2
    row "queries/s at nsd with one process, dnsperf" "$OURS" "${THEIRS[BEST]}" "$(ratio "$OURS" "${THEIRS[BEST]}")" ">=" 1
    row "  the most that this nsd answers (dnsfloor)" "$OURS" "$FLOOR" "$(ratio "$OURS" "$FLOOR")" ">=" 0.9
}
one_nsd() {
    [[ -e $DNS/zones/bench.test.zone ]] || make_names
    local PKG_RUN=("${SERVER[@]}" "${PKG_RUN[@]}")
    answers 127.0.0.2 . SOA || nsd_up 127.0.0.2
}

# Behind that nsd; every name has been asked for once.
bench_unbound() {
    one_nsd
    local PKG_RUN=("${SERVER[@]}" "${PKG_RUN[@]}")
    unbound_up 'msg-cache-size: 512m' 'rrset-cache-size: 512m' 'outgoing-range: 4096' 'num-queries-per-thread: 4096' \
        'so-rcvbuf: 8m' 'so-sndbuf: 8m' 'cache-min-ttl: 3600' # warm for all the rounds
    in_ns "$H" dnsperf -s 127.0.0.1 -d "$LAB_DIR/queries" -n 1 -q 200 >/dev/null 2>&1
    rounds 127.0.0.1
    row "queries/s at a warm unbound, dnsperf" "$OURS" "${THEIRS[BEST]}" "$(ratio "$OURS" "${THEIRS[BEST]}")" ">=" 0.9
}

# A server that answers after 100 ms: what ten domains take, in round trips.
bench_few() {
    spawn_ready world "$H" "$TOOLS/dnsworld" -w 100
    python3 "$TESTS/dns/world.py" 1000 | awk '!/-[fzb][.-]/ && n++ < 10' >"$LAB_DIR/ten"
    ask_file "$LAB_DIR/ten" --resolver 127.0.0.1
    row "ten domains at 100 ms: round trips" "$(of_sum '.dns.us / 1000 | floor') ms" - \
        "$(ratio "$(of_sum .dns.us)" 100000)" "<=" 4.5
    kill "$SPAWNED"
    wait_for 5 await_line "$LAB_DIR/world.log" '^dropped'
}

for part in ${PARTS:-million few nsd apart unbound}; do "bench_$part"; done
exit "$MISSED"
