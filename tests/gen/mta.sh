#!/usr/bin/env bash
# kumo-gen against mail servers other people wrote, unpacked and not installed: Postfix's smtpd, whose
# log and sink are the other side's count, its smtp-sink, and aiosmtpd.
#
#     kumo-gen --127.0.0.1:587--> Postfix --127.0.0.1:2026--> sink         (all in one namespace)
# shellcheck disable=SC2119 # sink_up takes options, and needs none
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
# shellcheck source=tests/smtp/lib-mta.sh
. "$TESTS/smtp/lib-mta.sh"
GEN=${KR_GEN:-$BUILD/kumo-gen}

if ((EUID != 0)); then
    echo "1..0 # SKIP network namespaces need root"
    exit 0
fi
pkg_need postfix || { echo "1..0 # SKIP Postfix can't be fetched"; exit 0; }
lab_init n
ns_add "$H"
mta_etc
pkg_run "$ETC"

# gen OPTIONS...: the account is left in $LAB_DIR/gen, the status in STATUS.
gen() {
    STATUS=0
    in_ns "$H" "$GEN" --format json --seed 1 "$@" >"$LAB_DIR/gen" 2>"$LAB_DIR/gen.err" || STATUS=$?
}
sent() { jq -r "$1" "$LAB_DIR/gen"; }
listens() { [[ -n $(in_ns "$H" ss -Hltn "sport = :$1") ]]; }

# postfix_up LINES: relays everything to the sink.
postfix_up() {
    mta_start >/dev/null
    { mta_main | grep -v '^smtp_tls_security_level'; printf 'relayhost = [127.0.0.1]:2026\n%b' "$1"; } >"$ETC/postfix/main.cf"
    mta_stop
    rm -rf "$MTA_DIR"
    mta_queue_folders
    spawn postfix "$H" "${PKG_RUN[@]}" /usr/lib/postfix/sbin/master -c /etc/postfix
    wait_for 15 mta_answers || die "Postfix did not start: $(cat "$MTA_DIR/log")"
}
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mta.load.example \
        -keyout "$LAB_DIR/mta.pem" -out "$LAB_DIR/mta.crt" 2>/dev/null
    printf '%s\\n' "smtpd_tls_security_level = may" "smtpd_tls_cert_file = $LAB_DIR/mta.crt" \
        "smtpd_tls_key_file = $LAB_DIR/mta.pem"
}

# through NAME MAIN OPTIONS...: 300 messages go in and come out.
through() {
    local name=$1 main=$2
    shift 2
    sink_up
    postfix_up "$main"
    gen --target 127.0.0.1:587 --message-count 300 --duration 120 "$@"
    wait_for 60 mta_idle || tap_note "$(tail -n 3 "$MTA_DIR/log")"
    mta_stop
    sink_down
    tap_check "Postfix, $name: what was sent is what came out" \
        equal "$STATUS $(sent '"\(.messages.accepted) \(.recipients.accepted)"') $(counted .recipients)" \
        "0 300 $((300 * ${RECIPIENTS:-1})) $((300 * ${RECIPIENTS:-1}))"
    tap_check "Postfix, $name: it finds nothing wrong" \
        stands_like 0 'improper|lost connection after [^C]|too many errors|non-SMTP|fatal|panic' "$MTA_DIR/log"
}
through "pipelined" 'smtpd_client_connection_count_limit = 0\n' --concurrency 20
through "a command at a time" '' --no-pipelining --concurrency 10
RECIPIENTS=5 through "five recipients, ten messages a connection" '' --recipients 5 --messages-per-connection 10
through "STARTTLS" "$(certificate)" --starttls --concurrency 10
tap_check "Postfix, STARTTLS: each connection used it" test "$(sent '.tls.sessions == .connections.opened')" == true
tap_check "Postfix, STARTTLS: none failed" equal "$(sent .tls.failed)" 0

# Postfix refuses a domain, puts off another, and the rest goes on: its log says how often.
refusing() {
    local refused deferred
    sink_up
    cat >"$ETC/postfix/access" <<'LIST'
no.example 550 5.7.1 not here
later.example 450 4.7.1 not now
LIST
    postfix_up 'smtpd_recipient_restrictions = check_recipient_access texthash:/etc/postfix/access, permit\nsmtpd_error_sleep_time = 0\nsmtpd_hard_error_limit = 10000\n'
    gen --target 127.0.0.1:587 --message-count 300 --duration 120 --keep-going --concurrency 5 "$@" \
        --domain-suffix example --domain yes --domain no --domain later
    wait_for 60 mta_idle || true
    mta_stop
    sink_down
    refused=$(grep -c 'NOQUEUE: reject: RCPT.*550 5.7.1' "$MTA_DIR/log" || true)
    deferred=$(grep -c 'NOQUEUE: reject: RCPT.*450 4.7.1' "$MTA_DIR/log" || true)
    ((refused > 50 && deferred > 50)) || { tap_note "$refused refused, $deferred put off"; return 1; }
    equal "$STATUS $(sent '.messages | "\(.offered) \(.accepted) \(.refused) \(.deferred)"')" \
        "1 300 $(counted .messages) $refused $deferred"
}
tap_check "Postfix refuses and defers, pipelined: both count the same" refusing
tap_check "Postfix refuses and defers, a command at a time: both count the same" refusing --no-pipelining

# smtp-sink counts on its standard output.
smtp_sink() {
    local got options
    read -ra options <<<"${OPTIONS:-}"
    spawn smtp-sink "$H" "${PKG_RUN[@]}" /usr/sbin/smtp-sink -c -u nobody "$@" 127.0.0.1:2027 256
    wait_for 5 listens 2027 || die "smtp-sink does not listen"
    gen --target 127.0.0.1:2027 --message-count 2000 --concurrency 20 --duration 60 "${options[@]}"
    kill "$SPAWNED"
    wait_for 5 gone "$SPAWNED"
    got=$(tr '\r' '\n' <"$LAB_DIR/smtp-sink.log" | sed -n 's/.*mesg=\([0-9]*\).*/\1/p' | tail -n 1)
    equal "$STATUS $(sent .messages.accepted) $got" "0 2000 2000" || { tap_note "$(cat "$LAB_DIR/gen.err")"; return 1; }
}
tap_check "smtp-sink" smtp_sink
OPTIONS=--no-pipelining tap_check "smtp-sink, a command at a time" smtp_sink
OPTIONS='--messages-per-connection 1' tap_check "smtp-sink, a message a connection" smtp_sink
tap_check "smtp-sink without PIPELINING" smtp_sink -p
# It refuses one RCPT in so many at random; all is accounted for.
smtp_sink_errors() {
    spawn smtp-sink "$H" "${PKG_RUN[@]}" /usr/sbin/smtp-sink -u nobody "$@" 127.0.0.1:2027 256
    wait_for 5 listens 2027 || die "smtp-sink does not listen"
    gen --target 127.0.0.1:2027 --message-count 500 --concurrency 10 --duration 30 --keep-going
    kill "$SPAWNED"
    wait_for 5 gone "$SPAWNED"
    tap_note "$(sent '"\(.messages) \(.replies)"')"
    equal "$(sent '.messages | "\(.offered) \(.accepted + .refused + .deferred + .unanswered + .unfinished)"')" "500 500" &&
        equal "$(sent "$WANTED")" true
}
WANTED='.messages.refused == 500' tap_check "smtp-sink -f RCPT" smtp_sink_errors -f rcpt
WANTED='.messages.deferred == 500' tap_check "smtp-sink -r data" smtp_sink_errors -r data
WANTED='.messages.accepted == 0 and .messages.unanswered == 500' tap_check "smtp-sink -q ." smtp_sink_errors -q .

if pkg_need python3-aiosmtpd python3-public python3-attr; then
    aiosmtpd() {
        cat >"$LAB_DIR/aio.py" <<'PEER'
import asyncio, signal, sys
sys.path.insert(0, sys.argv[1])
from aiosmtpd.controller import Controller
class Handler:
    n = octets = 0
    async def handle_DATA(self, server, session, envelope):
        Handler.n += 1
        assert envelope.content.startswith(b"From: <") and envelope.rcpt_tos[0].startswith("user-")
        return "250 ok"
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
c = Controller(Handler(), hostname="127.0.0.1", port=2028)
c.start()
signal.sigwait({signal.SIGTERM})
print("took", Handler.n, flush=True)
c.stop()
PEER
        spawn aiosmtpd "$H" python3 "$LAB_DIR/aio.py" "$PKG_ROOT/usr/lib/python3/dist-packages"
        wait_for 10 listens 2028 || { tap_note "$(cat "$LAB_DIR/aiosmtpd.log")"; return 1; }
        gen --target 127.0.0.1:2028 --message-count 1000 --concurrency 10
        kill "$SPAWNED"
        wait_for 10 gone "$SPAWNED"
        equal "$STATUS $(sent .messages.accepted) $(cat "$LAB_DIR/aiosmtpd.log")" "0 1000 took 1000"
    }
    tap_check "aiosmtpd" aiosmtpd
else
    tap_skip "aiosmtpd" "it can't be fetched"
fi
tap_done
