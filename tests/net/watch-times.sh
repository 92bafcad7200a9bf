#!/usr/bin/env bash
# watch: how fast it mends and fences, also where the kernel can't hold tables for it, while an attacker
# goes on; times are taken between events of the kernel.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-watch.sh
. "$(dirname "$0")/lib-watch.sh"

ROUNDS=${ROUNDS:-11}

# ---- times, by the kernel's own events -----------------------------------------------------------

bells_start() {
    mkfifo "$LAB_DIR/bells.in"
    exec {BELLS}<>"$LAB_DIR/bells.in"
    spawn_ready bells "$H" "$TOOLS/bell" <&"$BELLS"
}
bells_end() {
    exec {BELLS}>&-
    kill "$SPAWNED" 2>/dev/null || true
    rm -f "$LAB_DIR/bells.in"
}
# between FIRST SECOND: microseconds from the last event FIRST to the next SECOND, since line FROM.
between() {
    tail -n "+$FROM" "$LAB_DIR/bells.log" | awk -v a="$1" -v b="$2" '
        $0 ~ a && $0 !~ b && !from { from = $1 } from && $0 ~ b && $1 >= from && !done { print $1 - from; done = 1 }'
}
has_both() { [[ -n $(between "$1" "$2") ]]; }
from_here() { FROM=$(($(wc -l <"$LAB_DIR/bells.log") + 1)); }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] + 0 }'; }

# timed NAME FIRST SECOND UNDO COMMAND...: ROUNDS times the command. What it takes is for make bench to
# judge.
timed() {
    local name=$1 first=$2 second=$3 undo=$4 i m
    shift 4
    : >"$LAB_DIR/times"
    for ((i = 0; i < ROUNDS; i++)); do
        from_here
        "$@"
        wait_for 3 has_both "$first" "$second" || { tap_note "$(kr status | tail -n 4) $(tail -n 3 "$LOG")"; break; }
        between "$first" "$second" >>"$LAB_DIR/times"
        wait_for 3 status_is 0 || { tap_note "$(kr status | tail -n 4) $(tail -n 3 "$LOG")"; break; }
        [[ -z $undo ]] || "$undo"
    done
    m=$(median <"$LAB_DIR/times")
    tap_note "$name: median $m us of $(wc -l <"$LAB_DIR/times"): $(sort -n "$LAB_DIR/times" | paste -sd' ')"
    tap_check "$name: mended each time" test "$(wc -l <"$LAB_DIR/times")" -eq "$ROUNDS"
}

# ---- mending the failsafe, new ways out ----------------------------------------------------------

new_way_out() {
    ip -n "$H" -batch - <<END
link set up1 up
addr add $UP1_HOST4/24 dev up1
route add $MX4B via $UP1_GW4
END
}
way_out_gone() {
    local n=$(($(lines) + 1))
    ip -n "$H" link del up1
    told 'up1, which was fenced, is gone' "$n"
    ip -n "$H" link add up1 type veth peer name in1 address "$IN1_MAC" netns "$I"
    ip -n "$I" -batch - <<END
link set in1 up
addr add $UP1_GW4/24 dev in1
addr add $UP1_GW6/64 dev in1 nodad
END
}
fenced() { host nft list table netdev kumo_redirect | grep "hook egress device \"$1\"" >/dev/null; }

test_times() {
    local from
    kr up -q
    start_watch times
    witness_mark
    from=$MARKS
    attack_start bound
    bells_start
    timed "rule deleted" delrule newrule "" ip -n "$H" rule del pref 25
    timed "hole's route deleted" delroute newroute "" ip -n "$H" route del default dev kumo-hole0 table 2525
    timed "hole deleted" 'dellink kumo-hole0' 'newlink kumo-hole0' "" ip -n "$H" link del kumo-hole0
    timed "new link leads out" newroute "rules $WATCH" way_out_gone new_way_out
    bells_end
    new_way_out
    tap_check "the new link is fenced" wait_for 3 fenced up1
    tap_check "and recorded" in_record up1
    tap_check "nothing got out meanwhile" unseen "$from"
    attack_end
    end_watch
    kr down -q
    from=$MARKS
    in_ns "$H" "$TOOLS/tcpconn" -w 300 "$MX4B" 25 >/dev/null || true
    tap_check "the positive control is seen" seen "$from"
}
in_record() { kr status --format json | jq -e --arg d "$1" '.plan.uplinks | any(.device == $d)' >/dev/null; }

# ---- a kernel that has no persist ----------------------------------------------------------------

# What such a kernel answers to the transaction that takes the tables is put in its place; then the
# watch is let go and runs as it would there.
start_unowned() {
    local n tracer
    for ((n = 1; n < 40; n++)); do
        LOG=$LAB_DIR/unowned.log
        rm -f "$LOG"
        spawn unowned "$H" strace -D -I 1 -qq -o /dev/null -e trace=sendto \
            -e "inject=sendto:error=EOPNOTSUPP:when=$n" "$KR" watch --format json
        WATCH=$SPAWNED
        wait_for 5 decided || { tap_note "n=$n $(cat "$LOG")"; return 1; }
        if line_is_there "$LOG" "can't hold tables" 1; then
            tracer=$(awk '/^TracerPid/ { print $2 }' "/proc/$WATCH/status")
            ((tracer == 0)) || kill -TERM "$tracer"
            wait_for 5 untraced || { tap_note "$(cat "/proc/$WATCH/status")"; return 1; }
            return
        fi
        kill -9 "$WATCH" 2>/dev/null || true
        wait_for 5 gone
    done
    return 1
}
decided() { gone || line_is_there "$LOG" '"event":"started"' 1; }
untraced() { grep -q '^TracerPid:[[:space:]]*0$' "/proc/$WATCH/status"; }

rules_tampers() {
    cat <<END
a rule inserted|nft insert rule inet kumo_redirect guard_output accept
a set element added|nft add element inet kumo_redirect lan4 { 203.0.113.0/24 . "up0" }
a port removed|nft delete element inet kumo_redirect guard_ports { 25 }
a table made dormant|nft add table inet kumo_redirect { flags dormant ; }
a policy changed|nft chain netdev kumo_redirect egress_up0 { policy accept ; }
a chain flushed|nft flush chain inet kumo_redirect guard_postrouting
a chain added|nft add chain inet kumo_redirect away
the fence deleted|nft delete table netdev kumo_redirect
the table deleted|nft delete table inet kumo_redirect
the ruleset flushed|nft flush ruleset
END
}

test_unowned() {
    local name command from n counted
    kr up -q
    tap_check "without persist it goes on, and says so" start_unowned
    tap_check "status accepts the tables" status_is 0
    host nft add table inet bystander
    served
    counted=$(kr status --format json | jq .counters.redirected_v4)
    witness_mark
    from=$MARKS
    attack_start
    while IFS='|' read -r name command; do
        n=$(($(lines) + 1))
        # shellcheck disable=SC2086
        host $command
        tap_check "mended: $name" told '"repaired","breach":true,"id":"rules"' "$n"
        tap_check "and stands" wait_for 3 status_is 0
    done < <(rules_tampers)
    bells_start
    timed "rule inserted" 'rules' "rules $WATCH" "" host nft insert rule inet kumo_redirect guard_output accept
    timed "ruleset flushed" 'rules' "rules $WATCH" "" host nft flush ruleset
    bells_end
    attack_end
    tap_check "nothing got out meanwhile" unseen "$from"
    host nft insert rule inet kumo_redirect guard_output accept
    tap_check "counters go on over a repair" goes_on "$counted"
    end_watch
    tap_check "and the guards stay" status_is 0
    kr down -q
}
goes_on() { wait_for 3 status_is 0 && (($(kr status --format json | jq .counters.redirected_v4) >= $1)); }

lab_init t
run_parts "${1:-}" times unowned
