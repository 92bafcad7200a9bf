#!/usr/bin/env bash
# Every state and every moment: what is killed (up --persist, restore, down), the power going off, the
# records in /run being lost. None leaves a queue without a guard: a real Postfix with a full spool is
# started as boot would start it, and nothing of it gets out; without the units it does.
# usage: persist-kill.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-down.sh
. "$(dirname "$0")/lib-down.sh"
# shellcheck source=tests/net/lib-persist.sh
. "$(dirname "$0")/lib-persist.sh"

N=24 # deferred messages
CALLS=sendto,sendmsg,rename,unlink,symlink,bind,pipe2

eval "$(declare -f mta_main | sed '1s/mta_main/mta_main_usual/')"
mta_main() {
    mta_main_usual | grep -vE '^(smtp_connection_cache|queue_run_delay|(min|max)imal_backoff_time)'
    printf '%s = 1h\n' queue_run_delay minimal_backoff_time maximal_backoff_time
    echo 'smtp_connection_cache_on_demand = no'
}

# killed N COMMAND...: killed as it makes its Nth such call; false when it got through.
killed() {
    local n=$1 got=0
    shift
    inside strace -qq -o /dev/null -e "trace=$CALLS" -e "inject=$CALLS:signal=SIGKILL:when=$n" "$@" >/dev/null 2>&1 || got=$?
    ((got == 137))
}
knock() {
    in_ns "$H" "$TOOLS/tcpconn" -w 20 "$MX4" 25 >/dev/null || true
    in_ns "$H" "$TOOLS/tcpconn" -w 20 "$MX6" 25 >/dev/null || true
}

# kumod_holds: a mail server with messages that down can see; Postfix does not run meanwhile.
kumod_holds() {
    rm -f "$LAB_DIR/kumod.log"
    kumod_says '{"how":"good","scheduled":7}'
    kumod_start kumod "$H" 8000
}

# queue_filled: the spool is full, and Postfix does not run. It stays so: blocked answers nothing.
queue_filled() {
    kr -q up
    sink_defers
    mta_start
    inject $N
    all_deferred $N
    mta_stop
    kr -q down --force
}

# postfix_boots: the MTA as systemd would start it, which is only when the unit that it requires did
# not fail; all of its queue is tried.
postfix_boots() {
    local log
    postfix_again
    log=$(mta_log_end)
    flush
    wait_for 30 tried "$log" $N || { tap_note "Postfix did not try: $(tail -n 3 "$MTA_DIR/log")"; return 1; }
}

# ---- the power goes off --------------------------------------------------------------------------

# In these states; what they are called is what comes after the reboot.
state_redirect() { kr -q up --persist; }
state_blocked() { kr -q up --block --persist; }
state_down_refused() {
    kr -q up --persist
    kumod_holds
    ! kr -q down >/dev/null || die "down was not refused"
}
state_down_half() { # killed at such a call, from the first to the last
    kr -q up --persist
    kumod_holds
    killed "$DOWN_AT" "$KR" -q down || true
}
state_run_alive() { # the command runs, watched
    kr -q up --persist
    rm -f "$LAB_DIR/alive"
    printf '#!/bin/bash\n: >%q\nexec sleep 300\n' "$LAB_DIR/alive" >"$LAB_DIR/traffic-gen"
    chmod 755 "$LAB_DIR/traffic-gen"
    spawn run "$H" nsenter --mount="/proc/$HOLDER/ns/mnt" "$KR" run --keep-suffix-if-unsafe --record "$LAB_DIR/record" \
        --resolver "$DNS4" --mta none --allow "exempt-relay=the lab's own" -- "$LAB_DIR/traffic-gen" --domain bahn.example
    wait_for 30 test -e "$LAB_DIR/alive" || { tap_note "run: $(tail -n 5 "$LAB_DIR/run.log")"; return 1; }
}

# off_and_on NAME STATE RESTORED: the power goes off in that state. The guard's unit, then the mail
# server, then the second unit.
off_and_on() {
    local name=$1 state=$2 restored=$3 from
    tap_check "$name: so it stands" "state_$state"
    witness_mark
    from=$MARKS
    reboot guard_unit
    tap_check "$name, power off: the guard's unit blocks" mode_is blocked
    tap_check "$name: the mail server tries its queue" postfix_boots
    tap_check "$name: and nothing of it leaves" silent "$from"
    mta_stop
    restore_unit || tap_note "$(cat "$LAB_DIR/unit.log")"
    tap_check "$name: then $restored" mode_is "$restored"
    knock
    tap_check "$name: still nothing has left" silent "$from"
    kr -q down --force
}

test_power() {
    queue_filled
    off_and_on redirect redirect redirect
    off_and_on blocked blocked blocked
    off_and_on "down, refused" down_refused blocked
    DOWN_AT=4 off_and_on "down, half way" down_half redirect
    off_and_on "run, alive" run_alive redirect
    tap_check "no message was lost meanwhile" equal "$(mta_queued)" $N
}

# Where there are no units: what would leave. From off, where nobody promised anything, and from a
# redirect that was not asked to survive.
test_control() {
    local from
    kr -q up
    witness_mark
    from=$MARKS
    reboot true
    tap_check "control: there is no unit" fails guard_unit
    postfix_again
    flush
    tap_check "control: a redirect without --persist, power off: the queue leaves" wait_for 30 leaked_to "$from"
    mta_stop
    forget_state
}

# ---- the records are lost ------------------------------------------------------------------------

# lost STATE COMMAND...: /run is emptied; what stands in the kernel goes on guarding.
lost() {
    local name=$1 from sink
    shift
    "$@"
    sink=$(jq .sink_pid "$(kr_state).json")
    witness_mark
    from=$MARKS
    rm -f "$(kr_state)".*
    knock
    tap_check "$name, /run lost: nothing leaves" silent "$from"
    tap_check "$name: restore --guards loosens nothing" guards_again
    knock
    tap_check "$name: nor does down while mail is queued" down_keeps
    knock
    tap_check "$name: nothing has left" silent "$from"
    ((sink)) || return 0
    tap_check "$name: up finds the port of the sink that nobody knows taken: blocked" taken
    kill "$sink"
    wait_for 5 mta_gone "$sink" || true
    kr -q up
    tap_check "$name: without that one, up brings the redirect back" mode_is redirect
    tap_check "$name: nothing has left then" silent "$from"
}
taken() { ! kr up 2>"$LAB_DIR/err" && grep -q "can't listen on .*; blocked now" "$LAB_DIR/err" && mode_is blocked; }
guards_again() { kr restore --guards 2>"$LAB_DIR/err" || { tap_note "$(cat "$LAB_DIR/err")"; return 1; }; }
down_keeps() {
    local got=0
    kr down >"$LAB_DIR/out" 2>&1 || got=$?
    [[ $got != 0 ]] && in_ns "$H" nft list chain inet kumo_redirect guard_output >/dev/null
}
redirect_then_down() {
    kr -q up
    ! kr -q down >/dev/null || die "down was not refused"
}

test_lost() {
    kumod_holds
    lost blocked kr -q up --block
    kr -q down --force
    lost "down, refused" redirect_then_down
    kr -q down --force
    lost "redirect that persists" kr -q up --persist
    kr -q down --force
    ns_pid_gone "$KUMOD"
}

# ---- SIGKILL -------------------------------------------------------------------------------------

# Whatever `up --persist` had written when it was killed: nothing opens, a reboot with a unit is
# blocked, and the next down takes all of it away.
test_killed_up() {
    local n from tree=$LAB_DIR/tree
    tree >"$tree"
    witness_mark
    from=$MARKS
    kr -q up --block
    for ((n = 1; n < 400; n += 2 + n / 3)); do
        killed "$n" "$KR" -q up --persist || break
        knock
        if guard_unit; then
            [[ $(mode) != off ]] || { tap_not_ok "a unit written before call $n opened"; return; }
        fi
        kr -q up --block
    done
    tap_check "up --persist, killed at any of $n calls, never opens" silent "$from"
    kr -q up --persist
    tap_check "the next one gets through" mode_is redirect
    for ((n = 2; n < 400; n += 3 + n / 2)); do
        killed "$n" "$KR" -q down || break
    done
    kr -q down
    tap_check "down, killed and begun anew, leaves no unit" eval 'tree | diff "'"$tree"'" -'
    tap_check "and is off" mode_is off
}

# The guard's unit, killed: the mail server, which requires it, is not started; run again it blocks. The
# second one, killed: blocked or the redirect, never less.
test_killed_restore() {
    local n from first=0
    kr -q up --persist
    for ((n = 1; n < 400; n += 3 + n / 2)); do
        reboot true
        killed "$n" "$KR" --config /dev/null restore --guards || break
        first=$n
        guard_unit || { tap_not_ok "the guard's unit after a kill at call $n: $(cat "$LAB_DIR/unit.log")"; return; }
        [[ $(mode) == blocked ]] || { tap_not_ok "not blocked after a kill at call $n"; return; }
    done
    tap_check "the guard's unit, killed at any of $first calls, blocks when it is run again" test "$first" -gt 3
    witness_mark
    from=$MARKS
    for ((n = 1; n < 400; n += 2 + n / 3)); do
        killed "$n" "$KR" --config /dev/null restore || break
        knock
        [[ $(mode) != off ]] || { tap_not_ok "off after a kill at call $n"; return; }
        kr -q up --block --persist
        sed -i 's/"blocked":true/"blocked":false/' "$RECORD"
    done
    tap_check "the second unit, killed at any of $n calls, never opens" silent "$from"
    tap_check "and run again brings the redirect back" eval 'restore_unit && mode_is redirect'
    kr -q down --force
}

down_lab k "kills and reboots" postfix
private_folders
down_parts "${1:-}" power control killed_up killed_restore lost
