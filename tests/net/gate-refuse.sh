#!/usr/bin/env bash
# The gate, `run`: as whom a command runs, what is refused and how it is said, and a watch that was there
# before. usage: gate-refuse.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"

# As whom it runs, and where.
test_user() {
    gate_stub
    chmod 711 "$LAB_DIR"
    kr -q up
    SUDO_UID=65534 SUDO_GID=65534 SUDO_USER=nobody SUDO_COMMAND=x HOME=/root gate ns -- "$STUB"
    tap_check "sudo: status" is 0
    tap_check "sudo: as the user who called it" stub_is id "65534 65534 65534"
    tap_check "sudo: without a capability" stub_is caps "0000000000000000"
    tap_check "sudo: the environment is the user's" stub_is env "nobody nobody $(getent passwd nobody | cut -d: -f6) -"
    tap_check "sudo: it can write to /dev/stdout" grep -q '^by its name$' "$OUT"
    gate ns --user nobody -- "$STUB"
    tap_check "--user" stub_is id "65534 65534 65534"
    gate ns --user nobody-at-all -- "$STUB"
    tap_check "--user of nobody: usage" is 2
    SUDO_UID=4294967295 gate ns -- "$STUB"
    tap_check "a SUDO_UID that is nobody: refused" is 121
    tap_check "the command was not started" not_started
    gate ns -- "$STUB"
    tap_check "root stays root" stub_is id "0 0 0"
    tap_check "a cgroup of its own" grep -q '/kumo-redirect-run-' "$LAB_DIR/stub/cgroup"
    tap_check "which is gone" wait_for 5 no_cgroup
    cp "$LAB_DIR/stub/signals" "$LAB_DIR/gated"
    "$STUB" >/dev/null
    tap_check "signals ignored and blocked are as without the gate" cmp "$LAB_DIR/gated" "$LAB_DIR/stub/signals"
    gate in -- "$STUB"
    tap_check "without cgroups it runs too" is 0
    tap_check "and says how it would be stopped" told_err "it is stopped by signals"
}
# The stub's own: other suites have theirs beside it.
no_cgroup() {
    local at
    at=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
    [[ -n $at ]] && ! [[ -e $at$(sed -n 's/^0:://p' "$LAB_DIR/stub/cgroup") ]]
}

# What is refused: the command never starts, and what the run put up is gone again.
refused() { # SAID
    is 121 && told_err "$1" && told_err "was not started" && not_started
}
test_refusals() {
    gate_stub
    gate ns -- "$STUB" --domain dane.test
    tap_check "a domain with DANE" refused "destinations would not reach the sink"
    tap_check "with the remedy" told_err "do: "
    tap_check "off again" test "$(mode)" = off
    gate ns --keep-suffix-if-unsafe -- "$STUB" --domain dane.test
    tap_check "--keep-suffix-if-unsafe: it runs" given "--domain|dane.test"
    tap_check "status 0" is 0
    tap_check "it says so loudly" told_err "KEEPS ITS SUFFIX"
    gate ns --keep-suffix-if-unsafe -- "$STUB" --domain dane.test --domain-suffix ''
    tap_check "there is no suffix to keep" refused "destinations would not reach the sink"
    gate ns --suffix-arg '--s {suffix}' --suffix safe.example --keep-suffix-if-unsafe --domain dane.test -- "$STUB"
    tap_check "another suffix, by a template" given "--s|safe.example"
    in_ns "$H" nft 'table ip away { chain o { type filter hook output priority -300; tcp dport 25 notrack; }; }'
    gate ns -- "$STUB" --domain d1.example
    tap_check "a rule of others" refused "did not meet the sink"
    tap_check "by its check, with the remedy" told_err "nft -a list ruleset"
    in_ns "$H" nft delete table ip away
    no_dns
    gate ns --qps 1000 -- "$STUB" --domain d1.example
    tap_check "a DNS that does not answer" refused "no DNS server answers"
    gate_words
    kr -q up --block
    gate ns -- "$STUB" --domain d1.example
    tap_check "from blocked: it runs" is 0
    tap_check "and it is blocked again" test "$(mode)" = blocked
    kr -q down
    gate ns --at-end block -- "$STUB"
    tap_check "--at-end block" test "$(mode)" = blocked
    kr -q down
    gate ns --at-end keep -- "$STUB"
    tap_check "--at-end keep" test "$(mode)" = redirect
    kr -q down
    gate ns -- "$LAB_DIR/names"
    tap_check "a command nobody knows: usage" is 2
    gate ns --domains-file - -- "$STUB"
    tap_check "names from the command's own input: usage" is 2
    gate ns
    tap_check "no command: usage" is 2
    gate ns --domains-file "$LAB_DIR/no-such-file" -- "$STUB"
    tap_check "no such file of names: usage" is 2
    tap_check "nothing stands" test "$(mode)" = off
    local who
    for who in nobody somebody; do
        interrupted_before "$who"
        tap_check "SIGTERM before the release, names from a pipe that $who writes to" is 143
        tap_check "the command was not started" not_started
        tap_check "nothing stands" test "$(mode)" = off
    done
}
no_dns() { RUN_NS=("$KR" -n "$H" run --resolver 192.0.2.99 --anchor "$DNS/..ds" --allow "exempt-relay=the lab's own"); }
# Names come from a pipe, so it can't go on: nobody has opened it for writing, or somebody did and goes on
# to hold it. The signal alone has to end it.
interrupted_before() { # nobody|somebody
    local pid hold
    rm -f "$LAB_DIR"/stub/* "$LAB_DIR/pipe" "$OUT" "$ERR"
    STATUS=0
    mkfifo "$LAB_DIR/pipe"
    [[ $1 == nobody ]] || { exec {hold}<>"$LAB_DIR/pipe" && echo d1.example >&"$hold"; }
    "${RUN_NS[@]}" --domains-file "$LAB_DIR/pipe" -- "$STUB" </dev/null >"$OUT" 2>"$ERR" &
    pid=$!
    await_line "$ERR" 'verify: every way out' 1 20 || tap_note "$(cat "$ERR")"
    [[ $1 == nobody ]] || wait_for 20 reads_names "$pid" || tap_note "nobody reads the names"
    kill -TERM "$pid"
    wait_for 20 gone_or_zombie "$pid" || { tap_note "it goes on" && kill -9 "$pid"; }
    wait "$pid" || STATUS=$?
    [[ $1 == nobody ]] || exec {hold}>&-
}
reads_names() { pgrep -x kumo-preflight -P "$1" >/dev/null; }
gone_or_zombie() { ! runs "$1"; }

# The watch that is at work, the service say, stands aside for the guard of the run and is back after it.
test_watch() {
    local pid
    gate_stub
    kr -q up
    start_watch watch
    tap_check "a watch is at work" watched_by "$WATCH"
    waiting
    tap_check "a run beside it: the run's guard watches" watched_by "$(pgrep -x kumo-run-guard -P "$RUN")"
    tap_check "and the watch says so" told '"event":"released".*a run is under way'
    kill -TERM "$RUN"
    wait "$RUN" || STATUS=$?
    tap_check "the command's status" is 42
    tap_check "what stood stands" test "$(mode)" = redirect
    tap_check "the watch is back" wait_for 10 watched_by "$WATCH"
    tap_check "and mends" mends
    waiting
    kill -9 "$RUN"
    wait "$RUN" 2>/dev/null || true
    tap_check "a run that is killed: the watch is back" wait_for 20 watched_by "$WATCH"
    tap_check "and mends" mends
    waiting
    ip -n "$H" rule del pref 25
    wait "$RUN" || STATUS=$?
    tap_check "a breach: the run's guard deals with it" is 122
    tap_check "blocked" test "$(mode)" = blocked
    tap_check "the watch is back" wait_for 10 watched_by "$WATCH"
    waiting
    end_watch
    tap_check "a watch that is ended meanwhile ends" gone
    kill -USR1 "$RUN"
    wait "$RUN" || STATUS=$?
    tap_check "and the run goes on to its end" is 43
    tap_check "blocked, as it was found" test "$(mode)" = blocked
}
# A run whose command waits for a signal; its process in RUN.
waiting() {
    rm -f "$LAB_DIR"/stub/*
    STATUS=0 OUT=$LAB_DIR/out ERR=$LAB_DIR/err
    rm -f "$OUT" "$ERR"
    SIGNALS=1 "${RUN_NS[@]}" -- "$STUB" --domain d1.example </dev/null >"$OUT" 2>"$ERR" &
    RUN=$!
    LAB_PIDS+=("$RUN")
    await_line "$OUT" '^waiting' 1 20 || tap_note "$(cat "$ERR")"
}
watched_by() { [[ $(kr status --format json | jq .watch.pid) == "$1" ]]; }
mends() {
    local from
    from=$(($(lines) + 1))
    ip -n "$H" rule del pref 25
    told '"event":"repaired".*failsafe' "$from" 10 && status_is 0
}

gate_main "${1:-}" user refusals watch
