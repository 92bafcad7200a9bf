#!/usr/bin/env bash
# Figures against rivals, measured in one run; each row names its goal. Prints one table; exits 1 when
# a goal is missed. Everything runs in network namespaces of its own.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/bench/lib-bench.sh
. "$TESTS/bench/lib-bench.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
PART=${1:-}
MISSED=0

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }

at_most() { awk -v r="$1" -v g="$2" 'BEGIN { print((r <= g) ? "ok" : "missed") }'; }
at_least() { awk -v r="$1" -v g="$2" 'BEGIN { print((r >= g) ? "ok" : "missed") }'; }

bench_host() {
    lab_host
    # Unlike the lab's, this internet answers nothing: only what is redirected is measured.
    in_ns "$H" sysctl -qw net.ipv4.ip_local_port_range="10000 65000" net.core.somaxconn=65535
}

# ---- up ------------------------------------------------------------------------------------------

# Both inside the namespace, started by the same launcher (tests/tools/duel.c), in turns; wall time
# of the whole process: exec, libraries, all work, exit. Ours does more than the rival (failsafe, cut,
# readback, record); only the probe and the start of the sink, which are no ruleset, are taken off.
# Lines "NAME OURS RIVAL WHOLE" in microseconds, each the median.
duel() { # ROUNDS ARGS...
    local rounds=$1
    shift
    "$TOOLS/duel" "$H" "$rounds" -- "$KR" -v up "$@" -- "$KR" -q down \
        -- nft -f "$LAB_DIR/text.nft" -- nft flush ruleset >"$LAB_DIR/duel"
    awk '/^begin /{ less = 0 } / debug: (probe|sink) /{ less += $4 * 1000 }
        $1 == "took" { print $3 - less, $3 >("'"$LAB_DIR"'/" $2) }' "$LAB_DIR/duel"
    echo "$(cut -d' ' -f1 "$LAB_DIR/first" | median)" "$(cut -d' ' -f1 "$LAB_DIR/second" | median)" \
        "$(cut -d' ' -f2 "$LAB_DIR/first" | median)"
}

ms() { echo "$(($1 / 1000)).$(($1 % 1000 / 100)) ms"; }

compare_up() { # NAME GOAL ROUNDS ARGS...
    local name=$1 goal=$2 rounds=$3 ours theirs whole r
    shift 3
    in_ns "$H" "$KR" up --dry-run "$@" | sed '/^# iproute2/,$d' >"$LAB_DIR/text.nft"
    read -r ours theirs whole < <(duel "$rounds" "$@")
    r=$(ratio "$ours" "$theirs")
    row "$name, nft -f of its rules" "$(ms "$ours")" "$(ms "$theirs")" "$r" "<= $goal" \
        "$(at_most "$r" "$goal")"
    row "  the same with sink and probe, for information" "$(ms "$whole")" "$(ms "$theirs")" \
        "$(ratio "$whole" "$theirs")" - -
}

# A new bridge and its addresses say for a second or two which groups they listen to. What is said while
# rules stand becomes an entry of the connection table, which `up` reads twice once there is any.
settle() {
    pause 3
    in_ns "$H" conntrack -F 2>/dev/null
}

bench_up() {
    settle
    compare_up "up" 0.6 61
    in_ns "$H" "$KR" -q up
    in_ns "$H" conntrack -I -p udp -s 192.0.2.2 -d 203.0.113.9 --sport 4000 --dport 4000 --timeout 600 2>/dev/null
    in_ns "$H" "$KR" -q down
    compare_up "up, where one connection is tracked" 1.0 21
    ip -n "$H" link add big0 type veth peer name big1
    ip -n "$H" link set big0 up
    ip -n "$H" addr add 172.16.0.1/12 dev big0
    {
        printf 'lan = [\n'
        for ((i = 0; i < 10000; i++)); do
            printf '"172.%d.%d.%d/30",\n' $((16 + i / 4096)) $((i / 16 % 256)) $((i % 16 * 16))
        done
        printf ']\n'
    } >"$LAB_DIR/lan.toml"
    compare_up "up with 10,000 LAN prefixes" 1.0 7 --config "$LAB_DIR/lan.toml"
    ip -n "$H" link del big0
}

# ---- connections ---------------------------------------------------------------------------------

load() { in_ns "$H" "$TOOLS/load" "$@"; }
conns() { load conns "$1" 15 | awk '{ print $1 }'; }
line_to() {
    in_ns "$H" iptables -t nat -A OUTPUT -p tcp ! -d 192.168.1.0/24 --dport 25 -j DNAT \
        --to-destination 127.0.0.1:2026
}

# The documented line and the sink that is used with it, Postfix's, which closes first.
line_runs() {
    bench_host
    in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/smtp-sink -u nobody 127.0.0.1:2026 256 &
    LAB_PIDS+=($!)
    wait_for 5 listening 2026 || die "smtp-sink does not listen"
    line_to
    echo "$(conns 50000) $(conns 50000) $(conns 50000)"
    lab_host_gone
}
our_runs() {
    bench_host
    in_ns "$H" "$KR" -q up
    echo "$(conns 50000) $(conns 50000) $(conns 50000)"
    lab_host_gone
}
# Before the line collapses, and with the same sink behind it.
line_fresh() {
    bench_host
    start_sink 2026
    line_to
    conns 20000
    lab_host_gone
}
our_fresh() {
    bench_host
    in_ns "$H" "$KR" -q up
    conns 20000
    lab_host_gone
}
field() { awk -v k="$2" '{ print $k }' "$LAB_DIR/$1" | median; }

# In turns, so that what the machine does meanwhile falls on both; the medians are compared.
bench_connections() {
    local r i first third
    pkg_need postfix
    mkdir -p "$LAB_DIR/etc"
    pkg_run "$LAB_DIR/etc"
    for i in 1 2 3; do
        line_runs >>"$LAB_DIR/line"
        our_runs >>"$LAB_DIR/ours"
        for first in 1 2; do
            line_fresh >>"$LAB_DIR/line-fresh"
            our_fresh >>"$LAB_DIR/our-fresh"
        done
    done
    echo "# connections/s in runs of 50,000, three times three: ours $(paste -sd';' "$LAB_DIR/ours"), the line $(paste -sd';' "$LAB_DIR/line")"
    first=$(field ours 1) third=$(field ours 3)
    r=$(ratio "$third" "$first")
    row "third run against our own first" "$third/s" "$first/s" "$r" ">= 0.90" "$(at_least "$r" 0.90)"
    first=$(field line 3)
    r=$(ratio "$third" "$first")
    row "third run against the line's third" "$third/s" "$first/s" "$r" ">= 10" "$(at_least "$r" 10)"
    third=$(field our-fresh 1) first=$(field line-fresh 1)
    r=$(ratio "$first" "$third")
    row "cost of a connection, line before its collapse" "$third/s" "$first/s" "$r" "<= 1.10" \
        "$(at_most "$r" 1.10)"
}

start_sink() {
    spawn sink "$H" "$KR_SINK" --listen "0.0.0.0:$1" --quiet
    wait_for 5 listening "$1" || die "the sink does not listen"
}
listening() { [[ -n $(in_ns "$H" ss -Hltn "sport = :$1") ]]; }

bench_hold() {
    local got failed
    bench_host
    in_ns "$H" "$KR" -q up
    read -r got failed < <(load hold 100000 8)
    row "100,000 connections at once" "$got" "$failed failed" - "0 failed" \
        "$([[ $got == 100000 && $failed == 0 ]] && echo ok || echo missed)"
    lab_host_gone
}

bench_bulk() {
    local ours plain r i
    for i in 1 2 3; do
        bench_host
        start_sink 2026
        in_ns "$H" nft "table ip plain { chain o { type nat hook output priority -100;
            tcp dport 25 dnat to 127.0.0.1:2026; }; }"
        load bulk 3000 >>"$LAB_DIR/plain"
        lab_host_gone
        bench_host
        in_ns "$H" "$KR" -q up
        load bulk 3000 >>"$LAB_DIR/ours"
        lab_host_gone
    done
    ours=$(median <"$LAB_DIR/ours")
    plain=$(median <"$LAB_DIR/plain")
    r=$(ratio "$ours" "$plain")
    row "bulk, against plain loopback DNAT" "$ours MB/s" "$plain MB/s" "$r" ">= 0.95" \
        "$(at_least "$r" 0.95)"
}

# ---- watch ---------------------------------------------------------------------------------------

# The test of the watch measures between events of the kernel; its median of 21 is taken over here.
watch_row() { # NAME NOTE
    local us
    us=$(sed -nE "s/^# $2: median ([0-9]+) us of 21: .*/\1/p" "$LAB_DIR/watch")
    row "$1" "$((us / 1000)).$((us % 1000 / 100)) ms" - - "<= 20 ms" \
        "$( ((us > 0)) && at_most "$us" 20000 || echo missed)"
}

bench_watch() {
    local ms later took used r
    ROUNDS=21 "$TESTS/net/watch-times.sh" >"$LAB_DIR/watch" 2>&1 || true
    for ms in polled unstoppable storm; do
        STORM=10000 IDLE=10 "$TESTS/net/watch.sh" "$ms" >>"$LAB_DIR/watch" 2>&1 || true
    done
    watch_row "watch: a new link leads out, to its fence" "new link leads out"
    watch_row "watch: a routing rule deleted, to its return" "rule deleted"
    watch_row "watch: ruleset flushed (no owner), to its return" "ruleset flushed"
    read -r took used < <(sed -nE 's/^# 10000 foreign .* in ([0-9]+) ms; the watch used ([0-9]+) ms/\1 \2/p' "$LAB_DIR/watch")
    r=$(ratio "${used:-0}" "${took:-0}")
    row "watch: 10,000 foreign changes, CPU in their time" "${used:-?} ms" "${took:-?} ms" "$r" "<= 0.50" \
        "$([[ -n $used ]] && at_most "$r" 0.50 || echo missed)"
    ms=$(sed -nE 's/^# idle: ([0-9]+) ms of CPU in 10 s/\1/p' "$LAB_DIR/watch")
    later=$(sed -nE 's/^# .*: after ([0-9]+) ms$/\1/p' "$LAB_DIR/watch" | sort -n)
    row "watch: what no rule can stop, told (slowest of $(wc -w <<<"$later"))" "${later##*$'\n'} ms" - - "<= 1000 ms" \
        "$([[ -n $later ]] && at_most "${later##*$'\n'}" 1000 || echo missed)"
    row "watch: idle, CPU in 10 s" "${ms:-?} ms" - - "<= 100 ms" \
        "$([[ -n $ms ]] && at_most "$ms" 100 || echo missed)"
}

# Three runs leave more finished connections behind than the default table holds.
CT_MAX=/proc/sys/net/netfilter/nf_conntrack_max
CT_WAS=$(cat "$CT_MAX")
lab_init b
trap 'echo "$CT_WAS" >"$CT_MAX"; lab_cleanup' EXIT
((CT_WAS >= 1048576)) || echo 1048576 >"$CT_MAX"
lab_world
printf '%-46s %14s %14s %8s  %-10s\n' figure ours rival ratio goal
if [[ -z $PART || $PART == up ]]; then
    bench_host
    bench_up
    lab_host_gone
fi
for part in connections hold bulk watch; do
    [[ -z $PART || $PART == "$part" ]] || continue
    "bench_$part"
done
for part in sink gen verify dns gate; do
    [[ -z $PART || $PART == "$part" ]] || continue
    "$TESTS/bench/$part.sh" || MISSED=1
done
exit "$MISSED"
