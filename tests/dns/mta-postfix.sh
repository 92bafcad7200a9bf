#!/usr/bin/env bash
# A real Postfix delivers to a sink: what becomes of each row of the truth table is what preflight
# foretold, with whatever settings; what it emits then makes all go that can.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/dns/lib-dns.sh
. "$TESTS/dns/lib-dns.sh"
# shellcheck source=tests/dns/lib-zones.sh
. "$TESTS/dns/lib-zones.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
# shellcheck source=tests/smtp/lib-mta.sh
. "$TESTS/smtp/lib-mta.sh"
# shellcheck source=tests/dns/lib-mtas.sh
. "$TESTS/dns/lib-mtas.sh"

((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
pkg_need "${DNS_NEEDS[@]}" postfix || { echo "1..0 # SKIP the mail servers can't be fetched"; exit 0; }
dns_init p
zones_of_rows
nsd_up 127.0.0.2
# shellcheck disable=SC2119
unbound_up
mtas_init
declare -A REAL FORETOLD
SINK_SEEN=()

DANE='smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\n'

# set_as WHAT MAIN [TRANSPORT-OPTIONS]: a few domains with these settings.
set_as() {
    postfix_etc "$2" "${3:-}"
    compare postfix "$1" "${SOME[@]}"
}

sink25_up
postfix_etc "$DANE"
compare postfix "dane" "${ROWS[@]}"
set_as "may" 'smtp_tls_security_level = may\n'
set_as "dane without DNSSEC" 'smtp_tls_security_level = dane\n'
set_as "dane-only" 'smtp_tls_security_level = dane-only\nsmtp_dns_support_level = dnssec\n'
set_as "dane, not by an insecure MX" "${DANE}smtp_tls_dane_insecure_mx_policy = may\n"
set_as "encrypt" 'smtp_tls_security_level = encrypt\n'
set_as "encrypt, as it was said once" 'smtp_tls_security_level =\nsmtp_enforce_tls = yes\n'
printf '.s.test encrypt\nrow3.s.test may\n' >"$ETC/postfix/tls"
# shellcheck disable=SC2016
in_ns "$H" "${PKG_RUN[@]}" bash -c 'cp /etc/postfix/tls "$1/tls" && postmap "hash:$1/tls"' - "$ETC/postfix" 2>/dev/null
set_as "a table, by name and by parent" 'smtp_tls_security_level = may\nsmtp_tls_policy_maps = hash:/etc/postfix/tls\n'
printf '/^row[19]/ secure\n' >"$ETC/postfix/patterns"
set_as "a table of patterns" 'smtp_tls_security_level = may\nsmtp_tls_policy_maps = regexp:/etc/postfix/patterns\n'
set_as "a level in master.cf" 'smtp_tls_security_level = may\n' '-o smtp_tls_security_level=encrypt'
set_as "a route to another transport" \
    'smtp_tls_security_level = may\ntransport_maps = inline:{ {row3.s.test = strict:} {.u.test = strict:} }\n'
set_as "TLS before SMTP" 'smtp_tls_security_level = encrypt\nsmtp_tls_wrappermode = yes\n'
tap_check "which is named" test "$(sum '[.local[] | select(.breaks)] | length > 0')" = true

# emitted WHAT MAIN DOMAIN...: what stays goes once what is emitted was added, and it can be taken back.
emitted() {
    local what=$1 domain
    postfix_etc "$2"
    shift 2
    postfix_sends "$@"
    for domain; do
        tap_check "$what: without it $domain stays" test "${REAL[$domain]:-none}" = deferred
    done
    cp "$ETC/postfix/main.cf" "$LAB_DIR/before"
    emit postfix "$@" row3.s.test
    tap_check "$what: only what needs it is named" test "$(grep -c ' = may }' "$LAB_DIR/emitted")" = $#
    cat "$LAB_DIR/emitted" >>"$ETC/postfix/main.cf"
    compare postfix "$what, emitted" "$@" row3.s.test
    for domain in "$@" row3.s.test; do
        tap_check "$what: with it $domain goes" test "${REAL[$domain]:-none}" = sent
    done
    emit postfix "$@" row3.s.test
    tap_check "$what: nothing is left to be emitted" grep -q 'nothing has to be switched off' "$LAB_DIR/emitted"
    sed -i '/^# BEGIN kumo-redirect/,/^# END kumo-redirect/d' "$ETC/postfix/main.cf"
    tap_check "$what: it can be taken back" cmp -s "$LAB_DIR/before" <(grep -v '^# ' "$ETC/postfix/main.cf")
}
emitted "DANE" "$DANE" row1.s.test row2.s.test row5.s.test row7.s.test row8.s.test row9.u.test row10.s.test
emitted "a table of its own" "smtp_tls_policy_maps = inline:{ {plain.u.test = secure} }\n$DANE" row1.s.test plain.u.test
sink_down

# A sink with a certificate of its own: what needs any TLS is served, what needs a certain one is not.
TELLING=(row1.s.test row2.s.test row3.s.test row9b.u.test row10.s.test both.s.test plain.u.test)
sink25_up --tls self-signed
SINK_SEEN=(--sink 192.0.2.3:25)
postfix_etc "$DANE"
compare postfix "dane, self-signed" "${TELLING[@]}"
set_as "encrypt, self-signed" 'smtp_tls_security_level = encrypt\n'
set_as "secure, self-signed" 'smtp_tls_security_level = secure\n'
sink_down
sink25_up --tls lab-ca --ca-dir "$LAB_DIR/ca"
SINK_SEEN+=(--ca-file "$LAB_DIR/ca/ca.pem")
SECURE="smtp_tls_security_level = secure\\nsmtp_tls_CAfile = $LAB_DIR/ca/ca.pem\\n"
SECURE+='smtp_tls_secure_cert_match = hostname\n'
set_as "secure, trusted" "${SECURE}smtp_tls_servername = hostname\n"
postfix_etc "$SECURE"
foretell postfix "${SINK_SEEN[@]}" row3.s.test
tap_check "without a name in the handshake nobody can tell" test "${FORETOLD[row3.s.test]}" = unknown
sink_down
tap_done
