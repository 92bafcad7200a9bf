#!/usr/bin/env bash
# A real Postfix, a real DNS server, 208 messages to 16 domains: what arrives where, first with the
# documented iptables line, then with kumo-redirect.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/mail.sh
. "$TESTS/net/mail.sh"

# Fills said, real (what the internet's listeners took), and outcome.
run_mail() {
    local from lines
    witness_mark || die "witness dead"
    from=$MARKS
    lines=$(wc -l <"$LAB_DIR/real-mx.log")
    "protect_$1"
    mail_postfix_start
    TAKEN=$(mail_inject "$2")
    wait_for 60 mail_all_tried || tap_note "Postfix is not through: $(tail -n 3 "$LAB_DIR/maillog")"
    witness_mark || die "witness dead"
    witness_said "$from" "$MARKS" >"$LAB_DIR/said"
    tail -n "+$((lines + 1))" "$LAB_DIR/real-mx.log" >"$LAB_DIR/real"
    mail_outcome | sort >"$LAB_DIR/outcome"
}

equal() { [[ $1 == "$2" ]] || { tap_note "wanted $2, got $1"; return 1; }; }
none_in() { [[ ! -s $1 ]] || { tap_note "$(head -n 5 "$1")"; return 1; }; }
count() { grep -cE "$1" "$2" || true; }

# Where each domain's mail went, as Postfix says, is where the zone sends it first.
as_the_zone_says() {
    comm -23 <(cut -f1,2 "$LAB_DIR/outcome" | sort -u) <(mail_first_hosts | sort -u) >"$LAB_DIR/odd"
    none_in "$LAB_DIR/odd"
}

# address<space>messages, from Postfix's log and from the sink's account: the same, to the message.
by_address_mta() { grep 'sent$' "$LAB_DIR/outcome" | cut -f2 | sort | uniq -c | awk '{print $2, $1}' | sort; }
by_address_sink() {
    jq -r '.destinations | to_entries[] | select(.value.messages > 0) | "\(.key) \(.value.messages)"' \
        "$LAB_DIR/stats" | sort
}
same_account() { diff <(by_address_mta) <(by_address_sink) >"$LAB_DIR/diff" || { tap_note "$(cat "$LAB_DIR/diff")"; return 1; }; }

control() {
    lab_host
    run_mail line 10025
    tap_check "line: Postfix took $(mail_all) messages" equal "$TAKEN" "$(mail_all)"
    tap_check "line: all are delivered, as far as Postfix can tell" equal "$(mail_count sent)" "$(mail_all)"
    tap_check "line: mail for the IPv6-only domains reached the real hosts" \
        equal "$(count '^mail 2001:db8:(6|18)::25:' "$LAB_DIR/real")" $((2 * MAIL_EACH))
    tap_check "line: the internet took exactly what went to IPv6 addresses" \
        equal "$(count '^mail' "$LAB_DIR/real")" "$(cut -f2 "$LAB_DIR/outcome" | grep -c :)"
    tap_check "line: the witness saw those connections" \
        test "$(count '^leak in0 2.*flags=S ' "$LAB_DIR/said")" -ge 2
    tap_note "$(count '^mail' "$LAB_DIR/real") of $(mail_all) messages leaked past the documented line"
    lab_host_gone
}

redirected() {
    lab_host
    run_mail kr 25
    tap_check "kumo-redirect: injection at localhost:25 still reaches Postfix" equal "$TAKEN" "$(mail_all)"
    tap_check "kumo-redirect: every message was delivered" equal "$(mail_count sent)" "$(mail_all)"
    tap_check "kumo-redirect: the internet's listeners heard nothing" none_in "$LAB_DIR/real"
    tap_check "kumo-redirect: the witnesses saw no packet" none_in "$LAB_DIR/said"
    tap_check "kumo-redirect: Postfix chose the hosts the zone prefers" as_the_zone_says
    tap_check "kumo-redirect: all 16 domains were served" \
        equal "$(cut -f1 "$LAB_DIR/outcome" | sort -u | wc -l)" "$(mail_world | wc -l)"
    kr_sink_stats >"$LAB_DIR/stats"
    tap_check "kumo-redirect: the sink counts every message" equal "$(jq .messages "$LAB_DIR/stats")" "$(mail_all)"
    tap_check "kumo-redirect: the sink names the real destinations, to the message" same_account
    tap_check "kumo-redirect: nothing reached the sink but by the redirect" \
        equal "$(jq .not_redirected "$LAB_DIR/stats")" 0
    tap_check "kumo-redirect: status says it is in force" in_ns "$H" "$KR" -q status
    forget_state
    lab_host_gone
}

lab_init p
if ! why=$(mail_unpack); then
    tap_skip "Postfix and DNS" "cannot get the packages: $why"
    tap_done
    exit
fi
lab_world
witness_start
mail_dns_start
control
redirected
tap_done
