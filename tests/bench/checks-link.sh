#!/usr/bin/env bash
# How long the checks of devices and namespaces take on a host with many containers and processes, and
# on one with a tenth of them: time must grow no faster. Runs in namespaces of its own.
# usage: tests/bench/checks-link.sh [NAMESPACES [PROCESSES]]    200 and 2000 by default
set -euo pipefail
if [[ -z ${CHECKS_LINK_INSIDE:-} ]]; then
    ((EUID == 0)) || { echo "network namespaces need root" >&2 && exit 3; }
    export CHECKS_LINK_INSIDE=1
    exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
umount -R -l /run/netns 2>/dev/null || true
mkdir -p /run/netns
mount -t tmpfs none /run/netns
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
NAMESPACES=${1:-200} PROCESSES=${2:-2000} ROUNDS=21
make -s -C "$REPO" BUILD="$BUILD" tools "$BUILD/tests/unit/facts/driver_link" >&2 || die "no driver"
DRIVER=$BUILD/tests/unit/facts/driver_link

# grow NAMESPACES PROCESSES: so many, with a pair of devices into the host's bridge each.
grow() {
    local i ns
    for ((i = HAVE; i < $1; i++)); do
        ns=$LAB-n$i
        LAB_NS+=("$ns")
        echo "netns add $ns"
        echo "link add name v$i netns $H type veth peer name eth0 netns $ns"
    done | ip -batch -
    for ((i = HAVE; i < $1; i++)); do
        ns=$LAB-n$i
        ip -n "$H" link set "v$i" master br0 up
        nsenter --net="/run/netns/$ns" bash -c "for ((k = 0; k < $2 / $1; k++)); do sleep 600 & done"
    done
    HAVE=$1
}

# middle COLUMN: of what `all` took, in milliseconds, and the least.
middle() {
    sort -n -k"$1,$1" "$LAB_DIR/rounds" | awk -v c="$1" '{ v[NR] = $c / 1000 }
        END { printf "%.1f ms (least %.1f)", v[int((NR + 1) / 2)], v[1] }'
}

measure() {
    local i
    for ((i = 0; i < ROUNDS; i++)); do
        in_ns "$H" "$DRIVER" -t | awk '$1 == "all" { print $2, $4 }'
    done >"$LAB_DIR/rounds"
    echo "median $(middle 1), processor time $(middle 2)"
}

lab_init -bench
ns_add "$H"
ip -n "$H" link add br0 type bridge
ip -n "$H" link set br0 up
HAVE=0
for part in 10 1; do
    grow $((NAMESPACES / part)) $((PROCESSES / part))
    printf '%4d namespaces, %5d processes: %s\n' "$HAVE" "$(pgrep -c sleep)" "$(measure)"
done
in_ns "$H" "$DRIVER" -t
