#!/usr/bin/env bash
# Letting go of a real Postfix with mail that the sink deferred. While anything is queued `down` ends
# in blocked; after the purge in off; and the same queue without the purge shows on the wire what
# would have leaked.
# usage: down.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-down.sh
. "$(dirname "$0")/lib-down.sh"

N=1008 # deferred messages

# ---- Postfix -------------------------------------------------------------------------------------

# What was deferred stays so while the test looks at it.
eval "$(declare -f mta_main | sed '1s/mta_main/mta_main_usual/')"
mta_main() {
    mta_main_usual | grep -vE '^(queue_run_delay|(min|max)imal_backoff_time)'
    printf '%s = 1h\n' queue_run_delay minimal_backoff_time maximal_backoff_time
}
# postfix_defers N: so many messages are deferred by the sink.
postfix_defers() {
    in_ns "$H" "$KR" -q up
    sink_defers
    inject "$1"
    all_deferred "$1"
}
postfix_tool() { nsenter --mount="/proc/$(master)/ns/mnt" --net="/run/netns/$H" "$@"; }

postfix_refused() {
    local from=$1 pid
    pid=$(master)
    tap_check "Postfix, $N deferred: down is refused" down_is 1 "$pid"
    tap_check "it says so in JSON, by its schema" fits_schema
    tap_check "it counts them" answered ".refused and .mode == \"blocked\" and .queues[0].messages == $N and .queues[0].asked == \"postqueue -j\""
    tap_check "it names the command that purges" answered '.queues[0].purge == "postsuper -d ALL"'
    tap_check "and what Postfix keeps in mind, nobody else" answered '[.survives[].mta] | unique == ["postfix"]'
    tap_check "destinations held back" survives postfix "held back for minimal_backoff_time"
    tap_check "cached MTA-STS policies" survives postfix "cached MTA-STS policies"
    tap_check "blocked stands" mode_is blocked
    tap_check "without its programs, its files are counted" in_ns_refused
    postfix_tool postqueue -f
    tap_check "a flush in blocked: Postfix tries" wait_for 20 tried_again
    tap_check "and nothing gets out" silent "$from"
}
in_ns_refused() {
    local got=0
    in_ns "$H" "$KR" down --format json >"$LAB_DIR/down" 2>&1 || got=$?
    [[ $got == 1 ]] && answered ".queues[0].messages == $N and .queues[0].asked == \"queue files\""
}
tried_again() { grep -q 'status=deferred.*\(refused\|unreachable\|timed out\|prohibited\)' "$MTA_DIR/log"; }

postfix_stopped() {
    local pid=$1
    tap_check "stopped, with a full spool, it is asked all the same" down_is 1 "$pid"
    tap_check "and counted" answered ".queues[0].messages == $N and .queues[0].pid == 0"
}

# A queue that is read while its owner does not run, and again by its owner.
postfix_restarts() {
    local holder
    # Its files stay in sight of somebody when it ends.
    spawn holder "$H" nsenter --mount="/proc/$(master)/ns/mnt" sleep infinity
    holder=$SPAWNED
    mta_stop
    wait_for 5 no_master || true
    postfix_stopped "$holder"
    postfix_again
    all_deferred "$N"
    kill "$holder" 2>/dev/null || true
}

no_master() {
    local pid
    for pid in $(ip netns pids "$H"); do
        ! grep -qsx master "/proc/$pid/comm" || return 1
    done
}

# Asked on a terminal, only a plain yes throws mail away (down-tty.py plays the user).
postfix_asks() {
    local pid=$1 answer want queued
    for answer in no other empty end interrupt yes; do
        want=$N
        [[ $answer != yes ]] || want=0
        tap_check "--purge on a terminal, answered '$answer'" on_terminal "$pid" "$answer"
        queued=$(mta_queued)
        tap_check "'$answer': $want messages are left" equal "$queued" "$want"
        [[ $answer == yes ]] || tap_check "'$answer': blocked stands" mode_is blocked
    done
    tap_check "purged: no guard is left" mode_is off
}
on_terminal() {
    nsenter --mount="/proc/$1/ns/mnt" --net="/run/netns/$H" timeout 100 \
        python3 "$TESTS/net/down-tty.py" "$2" "$N" "$KR" down --purge >"$LAB_DIR/tty" 2>&1 ||
        { tap_note "$(cat "$LAB_DIR/tty")"; return 1; }
}

postfix_purged() {
    local pid
    pid=$(master)
    tap_check "--purge in a script wants --yes" down_is 2 "$pid" --purge
    tap_check "--purge and --force exclude each other" down_is 2 "$pid" --purge --force
    tap_check "and neither changed anything" mode_is blocked
    tap_check "nor was a message lost" equal "$(mta_queued)" "$N"
    postfix_asks "$pid"
}

test_postfix() {
    local from
    witness_mark
    from=$MARKS
    postfix_defers "$N"
    postfix_refused "$from"
    postfix_restarts
    postfix_purged
    postfix_tool postqueue -f
    tap_check "purged: nothing got out, from the first message to the end" silent "$from"
}

# The same without the purge: what would have leaked is seen outside.
test_forced() {
    local from real
    postfix_defers 240
    tap_check "without the purge: refused" down_is 1 "$(master)"
    tap_check "the command that it names holds all of them" postfix_held 240
    witness_mark
    from=$MARKS real=$(real_log_end)
    tap_check "--force lets go" down_is 0 "$(master)" --force
    tap_check "and says so" answered '.forced and .mode == "off" and .queues[0].messages == 240'
    postfix_tool postqueue -f
    tap_check "control: 240 test messages reach real hosts" wait_for 60 all_leaked "$real" 240
    tap_check "control: the witness saw them" leaked_to "$from"
    in_ns "$H" "$KR" status >"$LAB_DIR/out" || true
    tap_check "status keeps it in mind" grep -q 'forced.*240 messages queued' "$LAB_DIR/out"
    in_ns "$H" "$KR" up --format json >"$LAB_DIR/out"
    tap_check "so does the next up" jq -e '.let_go.what | contains("240 messages queued")' "$LAB_DIR/out"
    in_ns "$H" "$KR" -q verify --static >/dev/null 2>&1 || true
    tap_check "and the evidence" jq -e '.let_go.what | contains("240 messages queued")' "$(kr_state).evidence.json"
    tap_check "a down that finds nothing queued" down_is 0 "$(master)"
    in_ns "$H" "$KR" status >"$LAB_DIR/out" || true
    tap_check "ends that" test -z "$(grep forced "$LAB_DIR/out")"
}
# And they are let go again, for what comes then.
postfix_held() {
    postfix_tool bash -c "$(jq -r '.queues[0].hold' "$LAB_DIR/down")" >"$LAB_DIR/out" 2>&1
    down_is 1 "$(master)" && answered ".queues[0] | .messages == $1 and .held == $1" || return 1
    postfix_tool postsuper -H ALL >"$LAB_DIR/out" 2>&1
}
all_leaked() { [[ $(mails_taken "$1" | wc -l) == "$2" ]]; }

# --wait: the redirect stands until the sink has taken all.
test_drained() {
    local from
    witness_mark
    from=$MARKS
    postfix_defers 48
    "$KR_SINK" ctl "$(kr_state).sink.sock" unset default >"$LAB_DIR/ctl"
    tap_check "--wait that is over: refused, blocked" down_is 1 "$(master)" --wait 1
    in_ns "$H" "$KR" -q up
    (sleep 1 && postfix_tool postqueue -f) &
    tap_check "--wait: the sink takes what is queued, then off" down_is 0 "$(master)" --wait 60
    wait $!
    tap_check "the sink has them" answered '.sink.messages == 48'
    tap_check "and nothing got out" silent "$from"
}

# A delivery goes on although its message was deleted. A program of its name plays it.
test_running() {
    local fd pid
    in_ns "$H" "$KR" -q up --block
    cp "$(command -v sleep)" "$LAB_DIR/smtp"
    exec {fd}>"$MTA_DIR/queue/active/4711"
    spawn delivery "$H" "$LAB_DIR/smtp" 300
    pid=$SPAWNED
    exec {fd}>&-
    rm "$MTA_DIR/queue/active/4711"
    tap_check "nothing is queued, but a delivery is under way: refused" down_is 1 "$(master)"
    tap_check "it counts that" answered '.queues[0] | .state == "queued" and .messages == 0 and .running == 1'
    tap_check "blocked stands" mode_is blocked
    ns_pid_gone "$pid"
    tap_check "it has ended: off" down_is 0 "$(master)"
}

down_lab d "letting go of Postfix" postfix
mta_start
down_parts "${1:-}" postfix forced drained running
