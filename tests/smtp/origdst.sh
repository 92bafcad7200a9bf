#!/bin/bash
# SO_ORIGINAL_DST: a client and a sink in a network namespace whose nft rules redirect port 25 of
# both families; the sink must name in its greeting, and count, whom the client meant.
#
#     client --connect 203.0.113.5:25--> [dnat] --> 198.18.25.x:2026 sink      (v6 likewise)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export BUILD=${BUILD:-$PWD/../../build} PYTHONDONTWRITEBYTECODE=1

if ((EUID != 0)); then
    echo "1..0 # SKIP network namespaces need root"
    exit 0
fi
command -v nft >/dev/null || { echo "1..0 # SKIP no nft here"; exit 0; }
if [[ -z ${KR_SMTP_INSIDE:-} ]]; then
    KR_SMTP_INSIDE=1 exec unshare -n "$PWD/origdst.sh"
fi

ip link set lo up
ip link add d0 type veth peer name d1
ip link set d0 up
ip link set d1 up
ip addr add 192.0.2.2/24 dev d0
ip addr add 2001:db8:1::2/64 dev d0 nodad
ip route add default dev d0
ip -6 route add default dev d0
ip route add local 198.18.25.0/24 dev lo
ip -6 route add local 2001:2:0:25::/64 dev lo
nft -f - <<'END'
table inet t {
    chain out {
        type nat hook output priority -199;
        ip daddr 203.0.113.0/24 tcp dport 25 dnat ip to 198.18.25.1-198.18.25.254:2026
        ip6 daddr 2001:db8:f00::/64 tcp dport 25 dnat ip6 to [2001:2:0:25::1]:2026
        ip daddr 198.18.25.77 tcp dport 25 dnat ip to 198.18.25.77:2026
    }
}
END
exec python3 origdst.py
