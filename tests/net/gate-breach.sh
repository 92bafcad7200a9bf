#!/usr/bin/env bash
# Breaches while a command runs under the gate: what somebody does to the host, and what is killed. The
# command connects to real addresses without a pause; afterwards it must be gone, mail must be blocked,
# and the witnesses must have seen nothing. usage: gate-breach.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"

# A generator with three senders below it, in sessions of their own. It writes its process numbers.
attacker() {
    STUB=$LAB_DIR/bin/traffic-gen
    mkdir -p "$LAB_DIR/bin" "$LAB_DIR/stub"
    chmod 777 "$LAB_DIR/stub"
    chmod 711 "$LAB_DIR"
    cat >"$STUB" <<END
#!/bin/bash
at=$LAB_DIR/stub
send() {
    echo \$BASHPID >>"\$at/pids"
    while :; do
        for to in $MX4 $MX6 $MX4B $MX6B; do
            "$TOOLS/tcpconn" -w 5 \$to 25 >/dev/null 2>&1
            echo x >>"\$at/sent"
        done
    done
}
echo \$\$ >>"\$at/pids"
export -f send
export at
for i in 1 2 3; do setsid bash -c send & done
echo running
wait
END
    chmod 755 "$STUB"
}

# under_way ns|in [OPTION...]: a run at work; its process in RUN, its guard's in GUARD.
under_way() {
    local how=$1 words
    shift
    rm -f "$LAB_DIR"/stub/*
    OUT=$LAB_DIR/out ERR=$LAB_DIR/err
    words=("${RUN_NS[@]}")
    [[ $how == ns ]] || words=("${RUN_IN[@]}")
    witness_mark || die "witness dead"
    FROM=$MARKS
    rm -f "$OUT" "$ERR"
    "${words[@]}" "$@" -- "$STUB" --domain d1.example </dev/null >"$OUT" 2>"$ERR" &
    RUN=$!
    LAB_PIDS+=("$RUN")
    await_line "$OUT" '^running' 1 30 || { tap_note "$(tail -n 5 "$ERR")"; return 1; }
    wait_for 10 busy || return 1
    GUARD=$(pgrep -x kumo-run-guard -P "$RUN") # ip-netns(8) has become the program
}
busy() { (($(wc -l <"$LAB_DIR/stub/pids" 2>/dev/null || echo 0) >= 4)) && [[ -s $LAB_DIR/stub/sent ]]; }
all_gone() {
    local pid
    while read -r pid; do ! runs "$pid" || return 1; done <"$LAB_DIR/stub/pids"
}
run_ended() { ! runs "$RUN"; }
# ended STATUS SAID: the run is over, with this status and reason.
ended() {
    wait_for 20 run_ended || { tap_note "it does not end: $(tail -n 5 "$ERR")"; return 1; }
    STATUS=0
    wait "$RUN" || STATUS=$?
    is "$1" && told_err "$2"
}
# dealt_with NAME SAID: the whole of it.
dealt_with() {
    tap_check "$1: 122, with the reason" ended 122 "$2"
    tap_check "$1: it was stopped before mail was blocked" told_err "the generator was stopped, mail is blocked"
    tap_check "$1: every process of the command is gone" wait_for 5 all_gone
    tap_check "$1: blocked" test "$(mode)" = blocked
    tap_check "$1: nothing left the host" nothing_left "$FROM"
}
breach() { # NAME SAID HOW COMMAND...
    local name=$1 said=$2 how=$3
    shift 3
    if ! under_way "$how"; then
        tap_not_ok "$name: a run is under way"
        return
    fi
    "$@"
    dealt_with "$name" "$said"
    kr -q down >"$LAB_DIR/down" 2>&1 || true
}

notrack() { in_ns "$H" nft 'table ip away { chain o { type filter hook output priority -300; tcp dport 25 notrack; }; }'; }
no_notrack() { in_ns "$H" nft delete table ip away; }
kill_sink() { kill -9 "$(jq .sink_pid "$(kr_state).json")"; }
drop_failsafe() { ip -n "$H" rule del pref 25; }
flush() { in_ns "$H" nft flush ruleset; }

test_tampers() {
    attacker
    breach "a rule of others" "notrack" ns notrack
    no_notrack
    breach "the sink is killed" "sink" ns kill_sink
    breach "the failsafe is deleted" "failsafe" ns drop_failsafe
    if kernel_owns; then
        tap_note "this kernel holds tables for their owner: a flush can't take them"
        under_way ns || tap_not_ok "a run is under way"
        flush 2>"$LAB_DIR/flush" || true
        tap_check "a flush of the ruleset takes nothing" test "$(in_ns "$H" nft list tables | grep -c kumo_redirect)" = 2
        kill -TERM "$RUN"
        tap_check "and the run goes on to its end" ended 143 "runs without a suffix"
        tap_check "nothing left the host" nothing_left "$FROM"
    else
        breach "the ruleset is flushed" "rules" ns flush
    fi
    breach "without a cgroup: a rule of others" "notrack" in notrack
    no_notrack
}
kernel_owns() {
    local owns=1
    kr -q up
    start_watch owner
    grep -q 'the tables are held' "$LOG" || owns=0
    end_watch
    kr -q down
    ((owns))
}

test_kills() {
    attacker
    breach "the guard is killed" "guard of the run was ended" ns eval 'kill -9 "$GUARD"'
    breach "the guard is stopped" "guard of the run does not answer" ns eval 'kill -STOP "$GUARD"'
    breach "without a cgroup: the guard is killed" "guard of the run was ended" in eval 'kill -9 "$GUARD"'

    under_way ns || tap_not_ok "a run is under way"
    kill -9 "$RUN"
    tap_check "the run is killed: every process of the command is gone" wait_for 10 all_gone
    tap_check "the run is killed: what it put up is blocked" wait_for 10 blocked
    tap_check "the run is killed: nothing left the host" nothing_left "$FROM"
    wait_for 10 guard_gone || true
    kr status >"$LAB_DIR/status" 2>"$ERR" || true
    tap_check "the next command knows" told_err "was killed: its guards were left standing"
    tap_check "as JSON too" status_run killed
    kr -q down >"$LAB_DIR/down" 2>&1 || true
    tap_check "and after down no one, as JSON" status_run null
    kr status >"$LAB_DIR/status" 2>"$ERR" || true
    tap_check "and after down no one" eval '! grep -q killed "$ERR"'

    kr -q up
    under_way in || tap_not_ok "a run is under way"
    kill -9 "$RUN"
    tap_check "killed over a redirect that stood, without a cgroup: the command is gone" wait_for 10 all_gone
    wait_for 10 guard_gone || true
    tap_check "and what stood stands" test "$(mode)" = redirect
    tap_check "nothing left the host" nothing_left "$FROM"
    kr -q down >"$LAB_DIR/down" 2>&1 || true

    # A command that runs as root is out of reach of its parent's death (prctl(2), PR_SET_PDEATHSIG).
    under_way ns --user nobody || tap_not_ok "a run is under way"
    kill -9 "$RUN" "$GUARD"
    tap_check "run and guard are killed at once: the command itself is gone" wait_for 5 first_gone
    tap_check "and the redirect still stands" nothing_left "$FROM"
    while read -r pid; do kill -9 "$pid" 2>/dev/null || true; done <"$LAB_DIR/stub/pids"
    kr -q down >"$LAB_DIR/down" 2>&1 || true
}
# status_run STATE: what status tells of a run, which its schema describes.
status_run() {
    kr status --format json >"$LAB_DIR/status.json" 2>/dev/null || true
    python3 "$ANSWERS" schema "$REPO/contrib/schema/status.schema.json" "$LAB_DIR/status.json" &&
        [[ $(jq -r '.run | if . then .state else "null" end' "$LAB_DIR/status.json") == "$1" ]]
}
blocked() { [[ $(mode) == blocked ]]; }
guard_gone() { ! runs "$GUARD"; }
first_gone() { ! runs "$(head -n 1 "$LAB_DIR/stub/pids")"; }

# Others can't take away what a run needs, and the proof is made again.
test_holds() {
    local was
    attacker
    under_way ns --verify-every 1 || tap_not_ok "a run is under way"
    was=$(jq -r .when "$(kr_state).evidence.json")
    tap_check "it is proven again, with new evidence" wait_for 15 newer "$was"
    tap_check "status tells of the run" status_run "under way"
    tap_check "by its process" test "$(jq .run.pid "$LAB_DIR/status.json")" = "$RUN"
    STATUS=0
    kr -q down 2>"$LAB_DIR/refused" || STATUS=$?
    tap_check "down is refused to others" eval 'grep -q "a run is under way" "$LAB_DIR/refused" && [[ $STATUS == 3 ]]'
    STATUS=0
    "${RUN_NS[@]}" -- "$STUB" --domain d1.example </dev/null >"$LAB_DIR/second" 2>&1 || STATUS=$?
    tap_check "a second run is refused" eval '[[ $STATUS == 121 || $STATUS == 125 ]] && grep -q "under way" "$LAB_DIR/second"'
    kill -TERM "$RUN"
    tap_check "ended by a signal: 143" ended 143 "runs without a suffix"
    tap_check "its senders are gone too" wait_for 5 all_gone
    tap_check "off" test "$(mode)" = off
}
newer() { [[ $(jq -r .when "$(kr_state).evidence.json" 2>/dev/null) != "$1" ]]; }

gate_main "${1:-}" tampers kills holds
