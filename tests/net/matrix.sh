#!/usr/bin/env bash
# Every attack against nothing at all, the documented iptables line, its nft equivalent for both
# families, and kumo-redirect. The witnesses outside are the oracle; what they do not see when
# nothing protects makes the row worthless, and that is an error.
#
#   matrix.sh [--tap] [ROW-PATTERN]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/attack.sh
. "$(dirname "$0")/attack.sh"

TAP=
[[ ${1:-} == --tap ]] && { TAP=1; shift; }
PATTERN=${1:-}
COLUMNS_ALL=(none line dual kr)

protect_none() { :; }
rival_sink() { spawn_ready sink "$H" "$TOOLS/sockd" -n rival-sink -p 2026; }
protect_line() {
    rival_sink
    in_ns "$H" iptables -t nat -A OUTPUT -p tcp ! -d 192.168.1.0/24 --dport 25 -j DNAT \
        --to-destination 127.0.0.1:2026
}
protect_dual() {
    rival_sink
    nft_in "table inet rival { chain o { type nat hook output priority -100;
        ip daddr != 192.168.1.0/24 tcp dport 25 dnat ip to 127.0.0.1:2026;
        ip6 daddr != $LAN_NET6 tcp dport 25 dnat ip6 to [::1]:2026; }; }"
}
protect_kr() {
    # shellcheck disable=SC2086
    in_ns "$H" "$KR" -q up $KR_ARGS >"$LAB_DIR/up.log" 2>&1 || {
        echo "up failed: $(cat "$LAB_DIR/up.log")"
        return 1
    }
}

forget_state() {
    local inode
    inode=$(stat -Lc %i "/run/netns/$H")
    rm -f "/run/kumo-redirect/$inode".*
}

# One cell: LEAK, ok, or what went wrong.
cell() {
    local from
    COLUMN=$1
    : >"$LAB_DIR/heard"
    lab_host
    before
    witness_mark || { CELL="witness dead"; return; }
    from=$MARKS
    if ! CELL=$("protect_$COLUMN"); then
        forget_state
        lab_host_gone
        CELL=${CELL:-protection failed}
        return
    fi
    setup
    attack
    witness_mark || { CELL="witness dead"; return; }
    judge "$from"
    after
    forget_state
    lab_host_gone
}

judge() {
    witness_said "$1" "$MARKS" >"$LAB_DIR/said"
    if [[ -n $WANT ]]; then
        if grep -q "error\|route_localnet" "$LAB_DIR/heard" || ! grep -q "$WANT" "$LAB_DIR/heard"; then
            CELL=broken
        else
            CELL=works
        fi
    elif grep -qE '^(leak|sink) ' "$LAB_DIR/said"; then
        CELL=LEAK
    else
        CELL=ok
    fi
}

run_row() {
    local column
    declare -gA GOT=()
    WANT='' ONLY='' KR_ARGS='' TITLE=''
    before() { :; }
    setup() { :; }
    after() { :; }
    # shellcheck source=/dev/null
    . "$1"
    for column in "${COLUMNS_ALL[@]}"; do
        if [[ -n $ONLY && $ONLY != "$column" ]]; then
            GOT[$column]=-
            continue
        fi
        cell "$column"
        GOT[$column]=$CELL
    done
}

say_row() {
    local row=$1 good
    if [[ -n $TAP ]]; then
        good=ok
        [[ -n $WANT ]] && good=works
        if [[ -z $WANT && ${GOT[none]} != LEAK ]]; then
            tap_not_ok "$row $TITLE: the witness saw nothing although nothing protected (${GOT[none]})"
        elif [[ ${GOT[kr]} == "$good" ]]; then
            tap_ok "$row $TITLE: ${GOT[kr]} (line ${GOT[line]}, nft ${GOT[dual]})"
        else
            tap_not_ok "$row $TITLE: ${GOT[kr]}"
            tap_note "$(cat "$LAB_DIR/said" "$LAB_DIR/heard" 2>/dev/null | tail -n 12)"
        fi
        return
    fi
    printf '%-4s %-54s %-8s %-8s %-8s %s\n' "$row" "$TITLE" "${GOT[none]}" "${GOT[line]}" \
        "${GOT[dual]}" "${GOT[kr]}"
}

lab_init m
lab_world
witness_start
declare -A LEAKS=([none]=0 [line]=0 [dual]=0 [kr]=0)
[[ -n $TAP ]] || printf '%-4s %-54s %-8s %-8s %-8s %s\n' row path nothing line nft-dual kumo-redirect
for script in "$TESTS"/net/attacks/*"$PATTERN"*.sh; do
    name=$(basename "$script")
    run_row "$script"
    for column in "${COLUMNS_ALL[@]}"; do
        [[ ${GOT[$column]} == LEAK ]] && LEAKS[$column]=$((LEAKS[$column] + 1))
    done
    say_row "${name%%-*}"
done
if [[ -n $TAP ]]; then
    tap_done
else
    printf '%-4s %-54s %-8s %-8s %-8s %s\n' '' 'leaks' "${LEAKS[none]}" "${LEAKS[line]}" \
        "${LEAKS[dual]}" "${LEAKS[kr]}"
    [[ ${LEAKS[kr]} == 0 ]]
fi
