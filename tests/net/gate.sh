#!/usr/bin/env bash
# The gate, `run`: real Postfix, a hundred domains with real names, a sink with a policy; what it refuses
# and how it says so; statuses, signals, users, terminals. tests/net/gate-breach.sh is about breaches.
# usage: gate.sh [PART]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
# shellcheck source=tests/net/lib-watch.sh
. "$TESTS/net/lib-watch.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"

# Thousands of messages to a hundred domains, some of which the sink refuses or defers.
test_mail() {
    local names record=$LAB_DIR/record.json
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
    "$KR_SINK" ctl "$(kr_state).sink.sock" policy load "$LAB_DIR/policy.toml" >"$LAB_DIR/policy" || tap_note "$(cat "$LAB_DIR/policy")"
    mapfile -t names < <(gate_domains | sed 's/^/--domain=/')
    witness_mark || die "witness dead"
    FROM=$MARKS
    gate ns --record "$record" --account "$LAB_DIR/account" --format json -- "$BUILD/kumo-gen" "${names[@]}" \
        --target 127.0.0.1:587 --message-count 3000 --concurrency 20 --duration 50 --compat traffic-gen
    tap_check "3,000 messages to 103 real domains: status 0" is 0
    tap_check "it ran without a suffix" says "runs without a suffix, watched"
    tap_check "the generator's last line came through as it was" grep -qE '^sent 3,000 messages, failed 0 over ' "$OUT"
    tap_check "its rate lines too" grep -q 'current rate: ' "$OUT"
    tap_check "nothing reached the internet" unseen "$FROM"
    tap_check "Postfix delivered to every domain" test "$(delivered_domains)" -ge 100
    tap_check "the account is valid" python3 "$ANSWERS" schema "$REPO/contrib/schema/run.schema.json" "$LAB_DIR/account"
    tap_check "it says what was sent" test "$(jq .facts.generator.numbers.sent "$LAB_DIR/account" 2>/dev/null || jq '.. | .sent? // empty' "$LAB_DIR/account" | head -n 1)" = 3000
    tap_check "the redirect stands as it was found" test "$(mode)" = redirect
    tap_check "and no watch holds it" eval '! pgrep -f "kumo-redirect -n $H" >/dev/null'
    mta_stop
}
delivered_domains() { sed -nE 's/.*to=<[^@]*@([^>]*)>.* status=sent .*/\1/p' "$MTA_DIR/log" | sort -u | wc -l; }

gate_main "${1:-}" mail
