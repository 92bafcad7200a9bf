#!/bin/bash
# Every single thing of ours in the kernel is taken away, moved or altered, one at a time. The static
# part of verify must notice each. Then the host tries to mail in seven ways, and either nothing is
# seen outside, because another guard holds, or the probes of verify say that something leaks.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
. "$TESTS/net/attack.sh"

DRIVER=$BUILD/tests/unit/act/driver_mutate
make -s -C "$REPO" BUILD="$BUILD" "$DRIVER"
JOBS=${JOBS:-$(nproc)}

# ---- bytes and expressions -----------------------------------------------------------------------

# Every fourth of some 19,000 here; `driver_mutate 1` in such a namespace tries them all.
bytes() {
    if in_ns "$H" "$DRIVER" 4 >"$LAB_DIR/driver" 2>&1; then
        tap_ok "expressions: $(tail -n 1 "$LAB_DIR/driver")"
    else
        tap_not_ok "expressions: $(tail -n 1 "$LAB_DIR/driver")"
        tap_note "$(head -n 5 "$LAB_DIR/driver")"
    fi
}

# ---- things --------------------------------------------------------------------------------------

static_says() {
    in_ns "$H" timeout 30 "$KR" verify --static --format json >"$OUT" 2>"$LAB_DIR/err" || true
    jq -r '.checks[] | select(.id | startswith("own-")) | select(.verdict == "broken") | .id' "$OUT" | paste -sd' '
}
probes_say() {
    in_ns "$H" timeout 30 "$KR" verify --format json >"$OUT" 2>"$LAB_DIR/err" || true
    jq -r '.checks[] | select(.phase == "active" and .verdict == "broken") | .id' "$OUT" | paste -sd' '
}

# The attacker does not wait for answers; what he sent is outside before the witness's mark.
battery() {
    in_ns "$C" bash -c "$TOOLS/tcpconn -w 50 $MX4 25; $TOOLS/tcpconn -w 50 $MX6 25" >/dev/null 2>&1 &
    in_ns "$H" bash -c "$TOOLS/tcpconn -w 50 $MX4 25; $TOOLS/tcpconn -w 50 $MX6 25
        $TOOLS/tcpconn -w 50 -d up0 $MX4 25
        $TOOLS/rawsyn -V hdrincl $HOST4 4061 $MX4 25
        $TOOLS/rawsyn -d up0 -M $IN0_MAC -V packet $HOST4 4062 $MX4 25" >/dev/null 2>&1 || true
    wait "$!" || true
}

# mutation NAME CHECK COMMAND...: one in JOBS of them is this worker's.
mutation() {
    local name=$1 want=$2 said from leaks probes
    shift 2
    ((NUMBER++ % JOBS == WORKER)) || return 0
    if ! in_ns "$H" "$@" 2>"$LAB_DIR/why"; then
        tap_not_ok "$name: $(cat "$LAB_DIR/why")"
        return
    fi
    said=$(static_says)
    witness_mark
    from=$MARKS
    battery
    witness_mark
    leaks=$(witness_said "$from" "$MARKS" | grep -cE '^(leak|sink) ' || true)
    if [[ $said != "$want" ]]; then # the one before was put right, too
        tap_not_ok "$name: unnoticed, verify says '$said'"
    elif ((leaks == 0)); then
        tap_ok "$name: $said; another guard held"
    elif probes=$(probes_say) && [[ -n $probes ]]; then
        tap_ok "$name: $said; $probes"
    else
        tap_not_ok "$name: $leaks frames outside, no probe says so"
    fi
    in_ns "$H" "$KR" -q up 2>"$LAB_DIR/why" || die "up did not put it right after '$name': $(cat "$LAB_DIR/why")"
}

rules_of() { # FAMILY: "CHAIN HANDLE" of each rule; anonymous maps make long lines
    in_ns "$H" nft -a list table "$1" kumo_redirect |
        sed -nE 's/^\tchain ([a-z0-9_]+) .*/\1 chain/p; s/^\t\t.* # handle ([0-9]+)$/\1/p' |
        awk '$2 == "chain" { c = $1; next } c { print c, $1 }'
}
# The handles change with each repair; the order does not.
nth_rule() { rules_of "$1" | sed -n "$2p"; }

things() {
    for family in inet netdev; do
        n=$(rules_of "$family" | wc -l)
        ((n > 10)) || die "only $n rules found in table $family"
        for ((i = 1; i <= n; i++)); do
            read -r chain handle < <(nth_rule "$family" "$i")
            mutation "$family $chain: rule $i gone" own-rules nft delete rule "$family" kumo_redirect "$chain" handle "$handle"
        done
        for chain in $(rules_of "$family" | cut -d' ' -f1 | uniq); do
            mutation "$family $chain: accept in front" own-rules nft insert rule "$family" kumo_redirect "$chain" accept
            mutation "$family $chain: empty" own-rules nft flush chain "$family" kumo_redirect "$chain"
        done
        mutation "$family: dormant" own-rules nft "add table $family kumo_redirect { flags dormant; }"
        mutation "$family: gone" own-rules nft delete table "$family" kumo_redirect
        mutation "$family: another chain" own-rules nft "add chain $family kumo_redirect more"
        mutation "$family: all ports but 25" own-rules nft "flush set $family kumo_redirect guard_ports"
        mutation "$family: a port more" own-rules nft "add element $family kumo_redirect guard_ports { 26 }"
        mutation "$family: a network more" own-rules nft "add element $family kumo_redirect lan4 { 128.0.0.0/1 . up0 }"
        mutation "$family: a v6 network more" own-rules nft "add element $family kumo_redirect lan6 { 2000::/3 . up0 }"
        mutation "$family: a network less" own-rules nft "delete element $family kumo_redirect lan4 { 192.168.1.0/24 . lan0 }"
    done
    # shellcheck disable=SC2016
    mutation "redirect_output: two rules change places" own-rules bash -c 'h=$(nft -a list chain inet kumo_redirect redirect_output |
        sed -nE "s/.*lo\" return .* # handle ([0-9]+)$/\1/p"); nft "delete rule inet kumo_redirect redirect_output handle $h;
        add rule inet kumo_redirect redirect_output oifname \"lo\" return comment \"loopback and own addresses: injection stays local\""'
    mutation "guard_output: policy" own-rules nft 'add chain inet kumo_redirect guard_output { policy drop; }'

    for v in 4 6; do
        mutation "failsafe IPv$v: the rule gone" own-failsafe ip -$v rule del pref 25
        mutation "failsafe IPv$v: the rule for another port" own-failsafe bash -c "ip -$v rule del pref 25; ip -$v rule add pref 25 ipproto tcp dport 26 lookup 2525 protocol 225"
        mutation "failsafe IPv$v: the rule last" own-failsafe bash -c "ip -$v rule del pref 25; ip -$v rule add pref 32765 ipproto tcp dport 25 lookup 2525 protocol 225"
        mutation "failsafe IPv$v: into the main table" own-failsafe bash -c "ip -$v rule del pref 25; ip -$v rule add pref 25 ipproto tcp dport 25 lookup main protocol 225"
        n=$(ip -n "$H" -$v route show table 2525 | wc -l)
        ((n > 3)) || die "only $n routes found"
        for ((i = 1; i <= n; i++)); do
            route=$(ip -n "$H" -$v route show table 2525 | sed -n "${i}p" | sed 's/ dev lo / /; s/ pref medium//')
            # shellcheck disable=SC2086
            mutation "failsafe IPv$v: gone: $route" own-failsafe ip -$v route del $route table 2525
        done
    done
    mutation "failsafe: another default, by the uplink" own-failsafe ip route replace default via "$GW4" dev up0 table 2525 metric 1 proto 225
    mutation "failsafe: the hole down" own-failsafe ip link set kumo-hole0 down
    mutation "failsafe: the hole gone" own-failsafe ip link del kumo-hole0
    mutation "the sink's range is not local" own-failsafe ip route del local 198.18.25.0/24 dev lo table local
    mutation "the sink's IPv6 range is not local" own-failsafe ip -6 route del local 2001:2:0:25::/64 dev lo table local
    mutation "the sink gone" own-sink bash -c 'kill -9 '"$(in_ns "$H" "$KR" status --format json | jq .sink_pid)"
}

work() {
    WORKER=$1 NUMBER=0
    lab_init "x$1"
    OUT=$LAB_DIR/verify.json
    lab_world
    lab_host
    witness_start
    in_ns "$H" "$KR" -q up
    ((WORKER > 0)) || bytes
    things
    tap_check "all was put right" test -z "$(static_says)"
    in_ns "$H" "$KR" -q down
    echo "whole"
}

RESULTS=$(mktemp -d /tmp/kr-mutate.XXXXXX)
WORKERS=()
trap '((${#WORKERS[@]} == 0)) || kill "${WORKERS[@]}" 2>/dev/null || true; wait; rm -rf "$RESULTS"' EXIT
trap 'exit 130' INT TERM HUP
for ((w = 0; w < JOBS; w++)); do
    work "$w" >"$RESULTS/$w" 2>&1 &
    WORKERS+=("$!")
done
for ((w = 0; w < JOBS; w++)); do
    wait "${WORKERS[w]}" || true
    while IFS= read -r line; do
        case $line in
        "ok "*) tap_ok "${line#* - }" ;;
        "not ok "*) tap_not_ok "${line#* - }" ;;
        whole) ;;
        *) echo "# $line" ;;
        esac
    done <"$RESULTS/$w"
    tail -n 1 "$RESULTS/$w" | grep -qx whole || tap_not_ok "worker $w ended early"
done
leaked=$(grep -cE '^ok .*probe-' "$RESULTS"/? | awk -F: '{ n += $2 } END { print n + 0 }')
held=$(grep -c '^ok .*another guard held' "$RESULTS"/? | awk -F: '{ n += $2 } END { print n + 0 }')
words="$held times another guard held, $leaked times a packet left and a probe said so"
if ((held && leaked)); then tap_ok "$words"; else tap_not_ok "$words"; fi
tap_done
