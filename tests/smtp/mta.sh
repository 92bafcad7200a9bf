#!/usr/bin/env bash
# Postfix, unpacked and not installed: it relays all to the sink, in clear, with STARTTLS, and verifying
# against the lab CA; what the policy refuses and defers shows up in its log and queue; smtp-source.
#
#     Postfix, smtp-source --127.0.0.1:2026--> sink         (all in one namespace)
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
# shellcheck source=tests/smtp/lib-mta.sh
. "$TESTS/smtp/lib-mta.sh"

if ((EUID != 0)); then
    echo "1..0 # SKIP network namespaces need root"
    exit 0
fi
pkg_need postfix || { echo "1..0 # SKIP Postfix can't be fetched"; exit 0; }
lab_init m
ns_add "$H"
mta_etc
pkg_run "$ETC"

# postfix_up LINES: a fresh one.
postfix_up() {
    mta_start >/dev/null
    { mta_main | grep -v '^smtp_tls_security_level'; echo 'relayhost = [127.0.0.1]:2026'; printf '%b' "$1"; } \
        >"$ETC/postfix/main.cf"
    mta_stop
    rm -rf "$MTA_DIR"
    mta_queue_folders
    spawn postfix "$H" "${PKG_RUN[@]}" /usr/lib/postfix/sbin/master -c /etc/postfix
    wait_for 15 mta_answers || die "Postfix did not start: $(cat "$MTA_DIR/log")"
}

# relays NAME MAIN SINK-OPTIONS...: 50 messages go through.
relays() {
    local name=$1 main=$2
    shift 2
    sink_up "$@"
    postfix_up "$main"
    mta_inject 50 587 "d.example e.example"
    wait_for 60 mta_idle || tap_note "$(tail -n 3 "$MTA_DIR/log")"
    mta_stop
    sink_down
    tap_check "Postfix, $name: all is delivered" equal "$(counted .messages)" 50
    tap_check "Postfix, $name: nothing it sends is wrong" \
        equal "$(counted '.bare_lf + .bare_cr + .would_smuggle + .early_talkers + .refused_commands')" 0
}

VERIFY='smtp_tls_security_level = secure\nsmtp_tls_servername = mx.lab.example\n'
VERIFY+='smtp_tls_secure_cert_match = mx.lab.example\n'

relays "in clear, pipelined" 'smtp_tls_security_level = none\n'
relays "a command at a time" 'smtp_tls_security_level = none\nsmtp_discard_ehlo_keywords = pipelining\n'
relays "STARTTLS, self-signed" 'smtp_tls_security_level = may\n' --tls self-signed
tap_check "Postfix, STARTTLS: it was used" test "$(counted .tls_sessions)" -gt 0
relays "secure, with the lab CA" "${VERIFY}smtp_tls_CAfile = $LAB_DIR/ca/ca.pem\n" --tls lab-ca \
    --ca-dir "$LAB_DIR/ca"
tap_check "Postfix, secure: by the name it asked for" test "$(counted .tls_named)" -gt 0

untrusted() {
    sink_up --tls lab-ca --ca-dir "$LAB_DIR/ca"
    postfix_up "$VERIFY"
    mta_inject 1 587 d.example
    await_line "$MTA_DIR/log" 'status=deferred.*Server certificate not (trusted|verified)' 1 30 ||
        { tap_note "$(tail -n 3 "$MTA_DIR/log")" && mta_stop && return 1; }
    mta_stop
    sink_down
    equal "$(counted .messages)" 0
}
tap_check "Postfix, secure, does not deliver without the lab CA" untrusted

# What the policy says is what Postfix's log says.
policy_shows() {
    cat >"$LAB_DIR/policy.toml" <<'END'
[provider.bounces]
domains = "bounce.example"
bounce = 100
bounces = { code = 550, msg = "5.1.1 nobody of this name" }
[provider.defers]
domains = "defer.example"
stage = "rcpt"
fail_first = 2
defers = { code = 451, msg = "4.3.0 twice not" }
[provider.busy]
domains = "busy.example"
rate = 0.0001
burst = 3
END
    sink_up --policy "$LAB_DIR/policy.toml"
    postfix_up 'smtp_tls_security_level = none\nmaximal_queue_lifetime = 1d\n'
    mta_inject 5 587 bounce.example
    mta_inject 5 587 defer.example
    mta_inject 5 587 busy.example
    wait_for 60 policy_done || true
    mta_stop
    sink_down
    equal "$(grep -c 'status=bounced.*5.1.1 nobody of this name' "$MTA_DIR/log")" 5 &&
        equal "$(grep -c 'defer.example.*status=sent' "$MTA_DIR/log")" 5 &&
        test "$(grep -c 'status=deferred.*4.3.0 twice not' "$MTA_DIR/log")" -ge 10 &&
        equal "$(grep -c 'busy.example.*status=sent' "$MTA_DIR/log")" 3 &&
        grep -q 'busy.example.*status=deferred.*4.7.28' "$MTA_DIR/log"
}
policy_done() {
    (($(grep -c 'defer.example.*status=sent' "$MTA_DIR/log") == 5)) &&
        grep -q 'busy.example.*status=deferred.*4.7.28' "$MTA_DIR/log"
}
tap_check "Postfix: refusals, deferrals and limits show up as the policy says" policy_shows

smtp_source() {
    sink_up
    in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/smtp-source -s 10 -l 2000 -m 500 -r 3 -f a@b.example -t c@d.example \
        127.0.0.1:2026 >"$LAB_DIR/source" 2>&1 || tap_note "$(cat "$LAB_DIR/source")"
    sink_down
    equal "$(counted '"\(.messages) \(.recipients)"')" "500 1500"
}
tap_check "smtp-source: 500 messages to 3 recipients each" smtp_source

tap_done
