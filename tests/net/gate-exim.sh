#!/usr/bin/env bash
# The gate with a real Exim: thousands of messages to a hundred domains, a sink with a policy, the account
# with the messages that Exim sends of itself, and letting go of what stays queued. Exim only queues what
# it is given, and ten runners deliver it: by itself it would start a delivery for each message at once.
# What they have not delivered when the time is over is accounted for as queued, and purged.
# usage: gate-exim.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"
# shellcheck source=tests/net/lib-down.sh
. "$TESTS/net/lib-down.sh"
# shellcheck source=tests/net/lib-exim.sh
. "$TESTS/net/lib-exim.sh"

N=2000
CONTROL=60 # one runner takes them out one by one, each by a process of its own
EXIM_RUNS=-q1s EXIM_RUNNERS=10
EXIM_MAIN='message_logs = false
acl_smtp_mail = later
begin acl
later:
  accept control = queue_only'

exim_begin() {
    lab_ram
    EXIM_SPOOL=$LAB_RAM/exim
    # For what waits for the same host Exim would start itself anew each time, which costs more.
    exim_etc '  connection_max_messages = 1'
    exim_start
    mapfile -t NAMES < <(gate_domains | sed 's/^/--domain=/')
    witness_mark || die "witness dead"
    FROM=$MARKS
}
# sends N OPTION...: a run of kumo-gen, on a host where Exim is installed.
sends() {
    local n=$1
    shift
    STATUS=0 OUT=$LAB_DIR/out ERR=$LAB_DIR/err
    timeout -k 5 100 nsenter --mount="/proc/$EXIM/ns/mnt" --net="/run/netns/$H" "$KR" run --mta exim \
        --resolver "$DNS4" --anchor "$DNS/..ds" --allow "exempt-relay=the lab's own" --record "$LAB_DIR/record" \
        --account "$LAB_DIR/account" --format json "$@" -- "$BUILD/kumo-gen" "${NAMES[@]}" --target 127.0.0.1:2500 \
        --message-count "$n" --concurrency 20 --duration 50 --compat traffic-gen </dev/null >"$OUT" 2>"$ERR" || STATUS=$?
}
# Those that another runner has just then are passed over.
forced_out() {
    exim -qff >"$LAB_DIR/forced"
    [[ $(mails_taken "$1" | wc -l) == "$2" ]]
}
count() { jq "$1" "$LAB_DIR/account"; }
balances() { [[ $(balance "$LAB_DIR/account") =~ ^(holds|explained): ]] || { tap_note "$(balance "$LAB_DIR/account")"; return 1; }; }
exim_domains() { sed -nE 's/.* => [^@]*@([^ ]*) .*/\1/p' "$EXIM_SPOOL/mainlog" | sort -u | wc -l; }

test_exim() {
    exim_begin
    kr -q up
    gate_policy 10.0 100.0 # one domain defers everything, so something stays queued
    sends "$N" --drain 15
    tap_note "$(balance "$LAB_DIR/account")"
    tap_check "2,000 messages to 103 real domains through Exim: status 0" is 0
    tap_check "it ran without a suffix" told_err "runs without a suffix, watched"
    tap_check "Exim delivered to most domains by then" test "$(exim_domains)" -ge 52
    tap_check "the account is valid" python3 "$ANSWERS" schema "$REPO/contrib/schema/run.schema.json" "$LAB_DIR/account"
    tap_check "the account says what was sent" test "$(count .facts.generator.counts.sent)" = "$N"
    tap_check "nothing that met the sink was not redirected" test "$(count .facts.sink.counts.not_redirected)" = 0
    tap_check "Exim told the senders of what was refused" test "$(count .facts.sink.counts.reports)" -ge 3
    tap_check "which the account counts apart" grep -q 'of the MTA.s own, about refusals' <(balance "$LAB_DIR/account")
    tap_check "it balances" balances
    tap_check "nothing reached the internet" nothing_left "$FROM"
    tap_check "down is refused: what was deferred is queued" down_is 1 "$EXIM"
    tap_check "it counts them, once what was under way has ended" wait_for 20 counts_them
    tap_check "blocked stands" mode_is blocked
    tap_check "the command that it names purges" wait_for 30 purged "$(jq -r '.queues[0].purge' "$LAB_DIR/down")"
    tap_check "then it lets go" down_is 0 "$EXIM"
    tap_check "off" mode_is off
    exim -qff
    tap_check "nothing reached the internet, from the first message to the end" nothing_left "$FROM"
}

counts_them() {
    down_is 1 "$EXIM" && jq -e --argjson n "$(exim_heads)" '.queues[0] | .messages == $n and .asked == "exim -bpc"' \
        "$LAB_DIR/down" >"$LAB_DIR/counted"
}

# Whatever a runner delivers at the moment stays.
purged() {
    nsenter --mount="/proc/$EXIM/ns/mnt" --net="/run/netns/$H" bash -c "$1" >"$LAB_DIR/purged" 2>&1
    (($(exim_heads) == 0))
}

# The same without the purge: what would have leaked is seen outside.
test_control() {
    local real
    exim_begin
    kr -q up
    sink_defers
    sends "$CONTROL" --drain 2
    tap_check "$CONTROL messages that the sink defers: status 0" is 0
    tap_check "it balances" balances
    tap_check "nothing reached the internet" nothing_left "$FROM"
    tap_check "down is refused" down_is 1 "$EXIM"
    real=$(real_log_end)
    witness_mark
    FROM=$MARKS
    tap_check "--force lets go" down_is 0 "$EXIM" --force
    tap_check "of all of them" answered ".forced and .mode == \"off\" and .queues[0].messages == $CONTROL"
    tap_check "control: $CONTROL test messages reach real hosts" wait_for 60 forced_out "$real" "$CONTROL"
    tap_check "control: the witness saw them" leaked_to "$FROM"
}

pkg_need exim4-daemon-light || { tap_skip "the gate with Exim" "the package can't be had" && tap_done && exit; }
gate_main "${1:-}" exim control
