#!/usr/bin/env bash
# The gate, `run`: real Postfix, a hundred domains with real names, a sink with a policy; what it refuses
# and how it says so; statuses and signals. Users and refusals are in gate-refuse.sh, breaches in gate-breach.sh, terminals in gate-tty.sh.
# usage: gate.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"

# Thousands of messages to a hundred domains, some of which the sink refuses or defers.
test_mail() {
    local names account=$LAB_DIR/account
    mta_start
    kr -q up
    gate_policy 2.0 30.0
    mapfile -t names < <(gate_domains | sed 's/^/--domain=/')
    witness_mark || die "witness dead"
    FROM=$MARKS
    gate ns --record "$LAB_DIR/record" --account "$account" --format json -- "$BUILD/kumo-gen" "${names[@]}" \
        --target 127.0.0.1:587 --message-count 2000 --concurrency 20 --duration 50 --compat traffic-gen
    tap_check "2,000 messages to 103 real domains: status 0" is 0
    tap_check "it ran without a suffix" told_err "runs without a suffix, watched"
    tap_check "the generator's last line came through as it was" grep -qE '^sent 2,000 messages, failed 0 over ' "$OUT"
    tap_check "its rate lines too" grep -q 'current rate: ' "$OUT"
    tap_check "nothing reached the internet" nothing_left "$FROM"
    tap_check "Postfix delivered to every domain" test "$(delivered_domains)" -ge 100
    tap_check "the account is valid" python3 "$ANSWERS" schema "$REPO/contrib/schema/run.schema.json" "$account"
    tap_check "the account says what was sent" test "$(jq .facts.generator.counts.sent "$account")" = 2000
    tap_check "and what the sink took: all but what it refused or deferred" \
        test "$(jq '.facts.sink.known and .facts.sink.counts.messages > 1700' "$account")" = true
    tap_check "nothing that met the sink was not redirected" \
        test "$(jq .facts.sink.counts.not_redirected "$account")" = 0
    tap_check "what Postfix sent of itself about refusals is counted apart" \
        test "$(jq '.facts.sink.counts.reports >= 10' "$account")" = true
    tap_check "and everything is accounted for" accounted "$account"
    tap_check "the record is kept" test "$(jq -r .outcome "$LAB_DIR/record")" = held
    tap_check "the redirect stands as it was found" test "$(mode)" = redirect
    mta_stop
}
accounted() {
    local row
    row=$(balance "$1")
    [[ $row =~ ^holds:.*" of the MTA's own, about refusals" ]] || { tap_note "$row"; return 1; }
}
delivered_domains() { sed -nE 's/.*to=<[^@]*@([^>]*)>.* status=sent .*/\1/p' "$MTA_DIR/log" | sort -u | wc -l; }

# What the command is given, and what it gives back.
test_command() {
    local odd=$LAB_DIR/odd
    gate_stub
    gate ns -- "$STUB" --domain d1.example --domain-suffix x.example --starttls
    tap_check "the suffix is emptied where it stands" given "--domain|d1.example|--domain-suffix||--starttls"
    tap_check "status 0" is 0
    tap_check "off at the end" test "$(mode)" = off
    kr -q up
    gate ns -- nice -n 5 "$STUB" --domain d1.example
    tap_check "and appended where it is not" given "--domain|d1.example|--domain-suffix|"
    printf '#!/bin/sh\n# traffic-gen --domain dane.test\nexec "%s" --domain d1.example --domain "d2.example:3" "$@"\n' \
        "$STUB" >"$LAB_DIR/load.sh"
    chmod +x "$LAB_DIR/load.sh"
    gate ns -- "$LAB_DIR/load.sh" --starttls
    tap_check "by a script" given "--domain|d1.example|--domain|d2.example:3|--starttls|--domain-suffix|"
    gate ns -- sh -c "$STUB --domain d1.example \"\$@\""
    tap_check "by sh -c" given "--domain|d1.example|--domain-suffix|"
    echo d1.example >"$LAB_DIR/names"
    cp "$STUB" "$LAB_DIR/other"
    gate ns --domains-file "$LAB_DIR/names" --suffix-arg '--append {.suffix}' -- "$LAB_DIR/other" -x
    tap_check "another generator, by a template" given "-x|--append|"
    gate ns --domains-file "$LAB_DIR/names" -- "$LAB_DIR/other" 'a{.suffix}b'
    tap_check "by a place in its words" given "ab"
    EXIT=7 gate ns -- "$STUB"
    tap_check "its status" is 7
    END_BY=TERM gate ns -- "$STUB"
    tap_check "its signal" is 143
    SAYS="sent 90 messages, failed 10 over 1s." gate ns --format junit --account "$LAB_DIR/junit" -- "$STUB"
    tap_check "0 with messages that failed is 1" is 1
    tap_check "and it says so" told_err "says that messages failed"
    tap_check "as JUnit too" eval 'python3 "$ANSWERS" junit "$LAB_DIR/junit" >"$LAB_DIR/failures" && grep -qv "^0 0" "$LAB_DIR/failures"'
    SAYS="sent 0 messages, failed 0 over 1s." gate ns -- "$STUB"
    tap_check "0 with nothing sent is 1" is 1
    gate ns -- "$LAB_DIR/traffic-gen-nowhere" --domain-suffix x
    tap_check "no such command" is 127
    gate ns -- "$LAB_DIR/names" --domain-suffix x
    tap_check "no program" is 126
    gate ns --record /proc/no/such/place -- "$STUB"
    tap_check "no place for the record: its own failure" is 125
    tap_check "the command was not started" not_started
    head -c 3000000 /dev/urandom >"$odd"
    BYTES=$odd gate ns -- "$STUB"
    tap_check "three megabytes of anything pass unchanged" cmp "$OUT" "$odd"
    tap_check "a reader that goes away ends the command as it would without the gate" broken_pipe
    STRAY=1 gate ns -- "$STUB"
    tap_check "what outlives it is ended" told_err "outlived the command were ended"
    tap_check "it is gone" no_strays
    SIGNALS=1 with_signal TERM ns
    tap_check "SIGTERM is handed on" is 42
    SIGNALS=1 with_signal USR1 ns
    tap_check "SIGUSR1 too" is 43
}
broken_pipe() {
    local got
    ENDLESS=1 timeout 60 "${RUN_NS[@]}" -- "$STUB" </dev/null 2>"$ERR" | head -c 100000 >/dev/null
    got=("${PIPESTATUS[@]}")
    [[ ${got[0]} == 141 ]] || { tap_note "status ${got[0]}: $(tail -n 3 "$ERR")"; return 1; }
}
no_strays() { [[ -s $LAB_DIR/stub/stray ]] && ! runs "$(cat "$LAB_DIR/stub/stray")"; }

gate_main "${1:-}" mail command
