#!/usr/bin/env bash
# Wall time of the whole process `verify --static` on a host with many foreign rules, network
# namespaces and processes, and with a tenth of each; prints rows as run.sh does, exits 1 when a goal
# is missed. LARGE=1 goes on to ten times each. In process, mount and network namespaces of its own.
# usage: tests/bench/verify.sh [RULES [NAMESPACES [PROCESSES]]]    1000, 200 and 2000 by default
set -euo pipefail
if [[ -z ${BENCH_VERIFY_INSIDE:-} ]]; then
    ((EUID == 0)) || { echo "network namespaces need root" >&2 && exit 3; }
    export BENCH_VERIFY_INSIDE=1
    exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
umount -R -l /run/netns 2>/dev/null || true
mkdir -p /run/netns
mount -t tmpfs none /run/netns
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
RULES=${1:-1000} NAMESPACES=${2:-200} PROCESSES=${3:-2000} ROUNDS=15 GOAL_MS=100 MISSED=0

# A firewall of so many rules that have nothing to do with mail, as real ones are.
rules() {
    local i
    echo "flush ruleset"
    echo "add table inet filter"
    echo "add chain inet filter forward { type filter hook forward priority 0; }"
    for ((i = 0; i < $1; i++)); do
        echo "add rule inet filter forward ip saddr 10.$((i / 250 % 250)).$((i % 250)).0/24 tcp dport { 80, 443 } ct state new counter accept"
    done
}
# grow NAMESPACES PROCESSES: so many, each with a pair of devices into the host's bridge.
HAVE=0
grow() {
    local i ns
    for ((i = HAVE; i < $1; i++)); do
        ns=$LAB-n$i
        LAB_NS+=("$ns")
        echo "netns add $ns"
        echo "link add name v$i netns $H type veth peer name eth0 netns $ns"
    done | ip -batch -
    for ((i = HAVE; i < $1; i++)); do
        ip -n "$H" link set "v$i" master br0 up
        nsenter --net="/run/netns/$LAB-n$i" bash -c "for ((k = 0; k < $2 / $1; k++)); do sleep 600 & done"
    done
    HAVE=$1
}

# Microseconds: the median of ROUNDS runs, measured inside the namespace.
measure() {
    nsenter --net="/run/netns/$H" bash -c 'for ((i = 0; i < '"$ROUNDS"'; i++)); do
        begin=${EPOCHREALTIME/./}
        "$0" verify --static --quiet
        echo $((${EPOCHREALTIME/./} - begin))
    done' "$KR" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

row() { printf '%-46s %14s %14s %8s  %-10s %s\n' "$@"; }
ms() { echo "$(($1 / 1000)).$(($1 % 1000 / 100)) ms"; }

# sized RULES NAMESPACES PROCESSES: the time is left in TOOK.
sized() {
    rules "$1" | in_ns "$H" nft -f -
    grow "$2" "$3"
    in_ns "$H" "$KR" -q up --block
    in_ns "$H" "$KR" -q verify --static || die "not safe: $(in_ns "$H" "$KR" verify --static || true)"
    TOOK=$(measure)
    in_ns "$H" "$KR" -q down
}

lab_init -benchv
ns_add "$H"
ns_add "$I"
in_ns "$H" sysctl -qw net.ipv4.ip_forward=1
ip link add name up0 netns "$H" type veth peer name in0 netns "$I"
ip -n "$H" -batch - <<END
link add br0 type bridge
link set br0 up
link set up0 up
addr add $HOST4/24 dev up0
route add default via $GW4
END
ip -n "$I" link set in0 up
sized $((RULES / 10)) $((NAMESPACES / 10)) $((PROCESSES / 10))
SMALL=$TOOK
sized "$RULES" "$NAMESPACES" "$PROCESSES"
FULL=$TOOK
holds=ok
((FULL <= GOAL_MS * 1000)) || holds=missed MISSED=1
row "verify --static: $RULES rules, $NAMESPACES namespaces" "$(ms "$FULL")" "-" "-" "<= $GOAL_MS ms" "$holds"
ratio=$(awk -v a="$FULL" -v b="$SMALL" 'BEGIN { printf "%.2f", a / b }')
holds=$(awk -v r="$ratio" 'BEGIN { print r <= 10 ? "ok" : "missed" }')
[[ $holds == ok ]] || MISSED=1
row "  against a tenth of rules, namespaces, processes" "$(ms "$FULL")" "$(ms "$SMALL")" "$ratio" "<= 10" "$holds"
if [[ -n ${LARGE:-} ]]; then
    sized $((RULES * 10)) $((NAMESPACES * 10)) $((PROCESSES * 10))
    ratio=$(awk -v a="$TOOK" -v b="$FULL" 'BEGIN { printf "%.2f", a / b }')
    holds=$(awk -v r="$ratio" 'BEGIN { print r <= 12 ? "ok" : "missed" }')
    [[ $holds == ok ]] || MISSED=1
    row "  ten times of each" "$(ms "$TOOK")" "$(ms "$FULL")" "$ratio" "<= 12" "$holds"
fi
exit "$MISSED"
