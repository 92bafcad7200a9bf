#!/usr/bin/env bash
# The gate, `run`: real Postfix, a hundred domains with real names, a sink with a policy; what it refuses
# and how it says so; statuses, signals, users. Breaches are in gate-breach.sh, terminals in gate-tty.sh.
# usage: gate.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"

# Thousands of messages to a hundred domains, some of which the sink refuses or defers.
test_mail() {
    local names account=$LAB_DIR/account
    cat >"$LAB_DIR/policy.toml" <<'EOF'
[default]
bounce = 2.0
[[default.bounces]]
code = 550
msg = "5.1.1 No such mailbox here"
[provider.some]
domains = ["d1.example", "d2.example", "d3.example"]
defer = 30.0
[[provider.some.defers]]
code = 451
msg = "4.3.0 Try again later"
EOF
    mta_start
    kr -q up
    "$KR_SINK" ctl "$(kr_state).sink.sock" policy load "$LAB_DIR/policy.toml" >"$LAB_DIR/policy" ||
        tap_note "$(cat "$LAB_DIR/policy")"
    mapfile -t names < <(gate_domains | sed 's/^/--domain=/')
    witness_mark || die "witness dead"
    FROM=$MARKS
    gate ns --record "$LAB_DIR/record" --account "$account" --format json -- "$BUILD/kumo-gen" "${names[@]}" \
        --target 127.0.0.1:587 --message-count 3000 --concurrency 20 --duration 50 --compat traffic-gen
    tap_check "3,000 messages to 103 real domains: status 0" is 0
    tap_check "it ran without a suffix" told_err "runs without a suffix, watched"
    tap_check "the generator's last line came through as it was" grep -qE '^sent 3,000 messages, failed 0 over ' "$OUT"
    tap_check "its rate lines too" grep -q 'current rate: ' "$OUT"
    tap_check "nothing reached the internet" nothing_left "$FROM"
    tap_check "Postfix delivered to every domain" test "$(delivered_domains)" -ge 100
    tap_check "the account is valid" python3 "$ANSWERS" schema "$REPO/contrib/schema/run.schema.json" "$account"
    tap_check "the account says what was sent" test "$(jq .facts.generator.counts.sent "$account")" = 3000
    tap_check "and what the sink took: all but what it refused or deferred" \
        test "$(jq '.facts.sink.known and .facts.sink.counts.messages > 2500' "$account")" = true
    tap_check "nothing that met the sink was not redirected" \
        test "$(jq .facts.sink.counts.not_redirected "$account")" = 0
    tap_check "the record is kept" test "$(jq -r .outcome "$LAB_DIR/record")" = held
    tap_check "the redirect stands as it was found" test "$(mode)" = redirect
    mta_stop
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
    RUN_NS=("$KR" -n "$H" run --resolver 192.0.2.99 --anchor "$DNS/..ds" --allow "exempt-relay=the lab's own")
    gate ns --qps 1000 -- "$STUB" --domain d1.example
    tap_check "a DNS that does not answer" refused "no DNS server answers"
    gate_words
    kr -q up
    start_watch watch
    gate ns -- "$STUB" --domain d1.example
    tap_check "another watch" refused "run watches by itself"
    tap_check "what stood stands" test "$(mode)" = redirect
    end_watch
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
    interrupted_before
    tap_check "SIGTERM before the release" is 143
    tap_check "the command was not started" not_started
    tap_check "nothing stands" test "$(mode)" = off
}
# Names are asked for so slowly that there is time to end it.
interrupted_before() {
    local pid
    rm -f "$LAB_DIR"/stub/*
    STATUS=0
    "${RUN_NS[@]}" --qps 1 -- "$STUB" --domain d1.example --domain d2.example </dev/null >"$OUT" 2>"$ERR" &
    pid=$!
    await_line "$ERR" 'verify: every way out' 1 20 || tap_note "$(cat "$ERR")"
    kill -TERM "$pid"
    wait "$pid" || STATUS=$?
}

gate_main "${1:-}" mail command user refusals
