#!/usr/bin/env bash
# Which answers prove a redirect and which do not: kr/probe.h in a namespace of its own, where all
# documentation addresses are local, against a server that behaves in a different way on each port.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
make -s -C "$REPO" BUILD="$BUILD" "$BUILD/tests/unit/act/driver_probe" >&2 || die "no driver"
DRIVER=$BUILD/tests/unit/act/driver_probe
N=n0nce-25 D4=203.0.113.77 D6=2001:db8:25::77 S4=10.25.0.1 S6=fd00:25::1
SINK4=198.18.25.9 SINK6=2001:2:0:25::9

lab_init -probe
ns_add "$H"
ip -n "$H" -batch - <<END
addr add $S4/32 dev lo
addr add $S6/128 dev lo
route add local 203.0.113.0/24 dev lo
route add local 2001:db8:25::/64 dev lo
route add local 198.18.25.0/24 dev lo
route add local 2001:2:0:25::/64 dev lo
END
nft_in() { in_ns "$H" nft "$1"; }

LONG=$(printf '%0500d' 0)
spawn_ready server "$H" "$DRIVER" serve \
    1001=$'220 @ ESMTP sink '$N$'\r\n' \
    1002=$'220 @ ESMTP sink other-nonce\r\n' \
    1003=$'220 [192.0.2.1] ESMTP sink '$N$'\r\n' \
    1004= \
    1005='!rst' \
    1006=$'554 @ ESMTP sink '$N$'\r\n' \
    1007=$'220-somebody else\r\n220 @ '$N$'\r\n' \
    1008=$'220-@ sink '$N$'\r\n220 go on\r\n' \
    1009=$'220 \033[31mred\001\377 @\r\n' \
    1010=$'220 @ ESMTP sink '$N \
    1011='!close' \
    1012=$'2205 @ ESMTP sink '$N$'\r\n' \
    1013=$'220 '"$LONG $LONG"$' @ '$N$'\r\n' \
    1014=$'220-@ sink '$N$'\r\n' \
    1015=$'220 @ ESMTP sink '$N$'\n' \
    2026=$'220 foreign sink ESMTP\r\n' 2027=$'554 no\r\n' 2028=$'220 real host ESMTP\r\n'

run() { in_ns "$H" "$DRIVER" run "$@" 2>&1; }

# says NAME 'PATTERN' ARGS...: the probe's line matches (a glob).
says() {
    local name=$1 want=$2 got
    shift 2
    got=$(run "$@" || true)
    # shellcheck disable=SC2053
    if [[ $got == $want ]]; then tap_ok "$name"; else
        tap_not_ok "$name"
        tap_note "wanted: $want"
        tap_note "got:    $got"
    fi
}

# ---- our own sink: nonce and literal -------------------------------------------------------------

says "nonce and IPv4 literal: the sink" "sink *$N\]" -n $N $S4 $D4 1001
says "nonce and IPv6 literal: the sink" "sink *\[IPv6:$D6\]*" -n $N $S6 $D6 1001
says "another nonce: foreign" "foreign*other-nonce\]" -n $N $S4 $D4 1002
says "another literal: foreign" "foreign*" -n $N $S4 $D4 1003
says "silence: silent, in time" "silent sys=0 ms=3?? \[\]" -n $N -t 300 $S4 $D4 1004
says "a reset instead of a greeting: refused" "refused sys=104 *" -n $N $S4 $D4 1005
says "nobody listens: refused" "refused sys=111 *" -n $N $S4 $D4 1999
says "554 with the right words: foreign" "foreign*554*" -n $N $S4 $D4 1006
says "the right words in a later line only: foreign" "foreign*somebody else\]" -n $N $S4 $D4 1007
says "a reply of two lines, the first right: the sink" "sink *" -n $N $S4 $D4 1008
says "what is not printable is not passed on" "foreign*\[220 ?\[31mred?? \[$D4\]\]" -n $N $S4 $D4 1009
says "a line without an end proves nothing" "foreign*" -n $N -t 300 $S4 $D4 1010
says "closed without a word: foreign" "foreign answer sys=0 ms=* \[\]" -n $N $S4 $D4 1011
says "2205 is no 220" "foreign*" -n $N $S4 $D4 1012
says "words beyond a line's length prove nothing" "foreign*" -n $N $S4 $D4 1013
says "a reply that does not end proves nothing" "foreign*" -n $N -t 300 $S4 $D4 1014
says "a bare line feed ends a line too" "sink *" -n $N $S4 $D4 1015
says "an empty nonce proves nothing" "foreign*" -n "" $S4 $D4 1001
says "a source that is not ours: error" "error sys=99 *" -n $N 10.77.0.1 $D4 1001
says "no route: error" "error sys=101 *" -n $N $S4 192.88.99.1 1001
nft_in "table inet block { chain c { type filter hook output priority 0;
    tcp dport 1001 ip daddr 203.0.113.1 drop; tcp dport 1001 ip daddr 203.0.113.2 reject
    tcp dport 1001 ip daddr 203.0.113.3 reject with tcp reset; }; }"
says "dropped: silent" "silent*" -n $N -t 300 $S4 203.0.113.1 1001
says "rejected by ICMP: refused" "refused*" -n $N $S4 203.0.113.2 1001
says "rejected by RST: refused" "refused*" -n $N $S4 203.0.113.3 1001

heard() { grep -E "^$1 heard" "$LAB_DIR/server.log" | sort -u; }
tap_check "the sink hears QUIT and nothing else" test "$(heard 1001)" = "1001 heard QUIT"
tap_check "who is not the sink hears nothing" test -z "$(heard '(1002|1003|1006|1007|1009|1012)')"

# ---- many at once --------------------------------------------------------------------------------

OUT=$(run -n $N -t 5000 -c 200 $S4 $D4 1001)
tap_check "200 probes at once all meet the sink" test "$(grep -c '^sink ' <<<"$OUT")" = 200
begin=${EPOCHREALTIME/./}
OUT=$(run -n $N -t 500 -c 300 $S4 203.0.113.1 1001)
ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
tap_check "300 silent ones take no longer than two batches ($ms ms)" \
    test "$(grep -c '^silent' <<<"$OUT")" = 300 -a "$ms" -lt 1800

# ---- somebody else's sink: conntrack decides -----------------------------------------------------

says "220 from an address that is not redirected: foreign" "foreign*real host*" \
    -s $SINK4:2028 $S4 $D4 2028
nft_in "table inet nat { chain c { type nat hook output priority -199;
    ip daddr 203.0.113.0/24 tcp dport 25 dnat ip to $SINK4:2026
    ip6 daddr 2001:db8:25::/64 tcp dport 25 dnat ip6 to [$SINK6]:2026
    ip daddr 203.0.113.0/24 tcp dport 26 dnat ip to $SINK4:2027; }; }"
says "redirected to the sink (IPv4): the sink" "sink *foreign sink*" -s $SINK4:2026 $S4 $D4 25
says "redirected to the sink (IPv6): the sink" "sink *foreign sink*" -s "[$SINK6]:2026" $S6 $D6 25
says "redirected into its range: the sink" "sink *" -s 198.18.25.1-198.18.25.20:2026 $S4 $D4 25
says "redirected beside its range: foreign" "foreign*" -s 198.18.25.10-198.18.25.20:2026 $S4 $D4 25
says "redirected to another port of it: foreign" "foreign*" -s $SINK4:2025 $S4 $D4 25
says "redirected to a sink that says 554: foreign" "foreign*554*" -s $SINK4:2027 $S4 $D4 26
nft_in "table inet raw { chain c { type filter hook output priority -300; tcp dport 2028 notrack; }
    chain d { type filter hook prerouting priority -300; tcp sport 2028 notrack
    tcp dport 2028 notrack; }; }"
says "a connection conntrack does not know: foreign" "foreign*" -s $D4:2028 $S4 $D4 2028
tap_done
