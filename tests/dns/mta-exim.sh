#!/usr/bin/env bash
# A real Exim delivers to a sink: what becomes of each row of the truth table is what preflight foretold,
# with whatever settings; what it emits then makes all go that can.
set -euo pipefail
# shellcheck source=tests/dns/lib-mtas.sh
. "$(dirname "$0")/lib-mtas.sh"

mtas_lab x exim4-daemon-light

# set_as WHAT LINES: a few domains with these settings.
set_as() { beside with "$1" "$2" "${SOME[@]}"; }
# with WHAT LINES DOMAIN...
with() {
    exim_etc "$2"
    compare exim "$1" "${@:3}"
}

sink25_up
beside with "as it comes" "" "${ROWS[@]}"
set_as "without DANE" '  hosts_try_dane ='
set_as "DANE alone" '  hosts_require_dane = *'
set_as "DANE alone, for some" '  hosts_require_dane = *.u.test : mx3.s.test'
set_as "TLS required" '  hosts_require_tls = *'
set_as "TLS required of all but some" '  hosts_require_tls = ! \N^mx3\.s\.test$\N : ! *.u.test'
set_as "verified where there is TLS" '  tls_verify_hosts = *'
set_as "another separator" '  hosts_try_dane = <; ! mx1.s.test ; *'

CONF=exim4/exim4.conf
edit() { python3 "$TESTS/dns/exim_edit.py" "$@" "$ETC/$CONF"; }
transports() { in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/exim4 -bP transports >"$1" 2>&1; }
# emitted WHAT LINES DOMAIN...: what stays goes once what is emitted took the place of what was there, and
# stays again once that was taken back as it says.
emitted() {
    local what=$1 lines=$2 domain
    shift 2
    exim_etc "$lines"
    exim_sends "$@"
    for domain; do
        tap_check "$what: without it $domain stays" test "${REAL[$domain]:-none}" = deferred
    done
    transports "$LAB_DIR/before"
    emit exim "$@" row3.s.test
    edit apply "$LAB_DIR/emitted"
    compare exim "$what, emitted" "$@" row3.s.test
    for domain in "$@" row3.s.test; do
        tap_check "$what: with it $domain goes" test "${REAL[$domain]:-none}" = sent
    done
    emit exim "$@" row3.s.test
    tap_check "$what: nothing is left to be emitted" grep -q 'nothing has to be switched off' "$LAB_DIR/emitted"
    transports "$LAB_DIR/during"
    edit undo
    transports "$LAB_DIR/after"
    tap_check "$what: taken back, Exim is set as it was" cmp "$LAB_DIR/before" "$LAB_DIR/after"
    tap_check "$what: and was not meanwhile" differ "$LAB_DIR/before" "$LAB_DIR/during"
    exim_sends "$@"
    for domain; do
        tap_check "$what: taken back, $domain stays as before" test "${REAL[$domain]:-none}" = deferred
    done
}
differ() { ! cmp -s "$1" "$2"; }
beside emitted "DANE" "" row1.s.test row2.s.test row5.s.test row8.s.test row10.s.test
beside emitted "DANE and TLS" '  hosts_require_tls = ! mx3.s.test : *
  hosts_require_dane = mx1.s.test' row1.s.test plain.u.test
beside emitted "lists of other shapes" '  hosts_require_tls = <; ! \N^mx3\.s\.test$\N ; *
  hosts_require_dane = mx1.s.test : \
    mx8.s.test
  command_timeout = 20s' row1.s.test plain.u.test
together
sink_down

# A sink with a certificate of its own: what needs any TLS is served, what needs a certain one is not.
TELLING=(row1.s.test row3.s.test row9b.u.test row10.s.test both.s.test plain.u.test)
sink25_up --tls self-signed
SINK_SEEN=(--sink 192.0.2.3:25)
beside with "as it comes, self-signed" "" "${TELLING[@]}"
# Where no TLSA record is usable, an Exim with OpenSSL defers ("No usable TLSA records"), and one with
# GnuTLS, as Debian's is, takes any TLS, as RFC 7672 section 2.2 has it. Preflight goes by the stricter,
# as the truth table does.
unusable() {
    exim_etc ""
    foretell exim "${SINK_SEEN[@]}" row2.s.test
    exim_sends row2.s.test
    tap_check "row 2: foretold to fail, and here it goes by any TLS" test "${FORETOLD[row2.s.test]} ${REAL[row2.s.test]}" = 'fails sent'
}
beside unusable
set_as "TLS required, self-signed" '  hosts_require_tls = *'
set_as "verified where there is TLS, self-signed" '  tls_verify_hosts = *'
set_as "TLS required and verified, self-signed" '  hosts_require_tls = *
  tls_verify_hosts = *'
set_as "never in clear after TLS, self-signed" '  tls_verify_hosts = *
  tls_tempfail_tryclear = false'
together
sink_down
sink25_up --tls lab-ca --ca-dir "$LAB_DIR/ca"
SINK_SEEN+=(--ca-file "$LAB_DIR/ca/ca.pem")
set_as "TLS required and verified, trusted" "  hosts_require_tls = *
  tls_verify_hosts = *
  tls_verify_certificates = $LAB_DIR/ca/ca.pem
  tls_sni = \$host"
nameless() {
    exim_etc "  hosts_require_tls = *
  tls_verify_hosts = *"
    foretell exim "${SINK_SEEN[@]}" row3.s.test
    tap_check "without a name in the handshake nobody can tell" test "${FORETOLD[row3.s.test]}" = unknown
}
beside nameless
together
sink_down
tap_done
