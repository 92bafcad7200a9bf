#!/usr/bin/env bash
# A real Postfix delivers to a sink: what becomes of each row of the truth table is what preflight
# foretold, with whatever settings, and with Debian's MTA-STS plugin; what it emits then makes all go that
# can.
set -euo pipefail
# shellcheck source=tests/dns/lib-mtas.sh
. "$(dirname "$0")/lib-mtas.sh"

# By ways that policies.py has.
STS=(good.test nomatch.test testing.test none.test gone.test)
# shellcheck disable=SC2034
STS_ZONE=$(for d in "${STS[@]%.test}"; do
    echo "$d MX 10 mx.$d"
    echo "mx.$d A 192.0.2.50"
    echo "mta-sts.$d A 192.0.2.80"
    echo "_mta-sts.$d TXT \"v=STSv1; id=1;\""
done)
PLUGIN=(postfix-mta-sts-resolver python3-aiodns python3-aiohttp python3-aioredis python3-aiosignal python3-aiosqlite
    python3-async-timeout python3-attr python3-charset-normalizer python3-frozenlist python3-idna python3-multidict
    python3-pycares python3-yaml python3-yarl)
mtas_lab p postfix
HAVE_PLUGIN=
! pkg_need "${PLUGIN[@]}" || HAVE_PLUGIN=yes

DANE='smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\n'

# set_as WHAT MAIN [TRANSPORT-OPTIONS]: a few domains with these settings.
set_as() { beside with "$1" "$2" "${3:-}" "${SOME[@]}"; }
# with WHAT MAIN TRANSPORT-OPTIONS DOMAIN...
with() {
    postfix_etc "$2" "$3"
    compare postfix "$1" "${@:4}"
}

# The plugin asks the lab's resolver, and trusts the lab's CA.
plugin_up() {
    certs_init "$LAB_DIR/certs"
    cert all -1 30 lab "${STS[@]/#/mta-sts.}"
    ip -n "$H" addr add 2001:db8::80/128 dev lo nodad
    spawn policies "$H" python3 "$TESTS/dns/policies.py" "$CERTS"
    await_line "$LAB_DIR/policies.log" ^ready 1 30 || die "policies.py did not start: $(cat "$LAB_DIR/policies.log")"
    printf 'host: 127.0.0.1\nport: 8461\ncache:\n  type: internal\ndefault_zone:\n  timeout: 10\n' >"$LAB_DIR/plugin.yml"
    spawn plugin "$H" "${PKG_RUN[@]}" env SSL_CERT_FILE="$CERTS/ca.pem" /usr/bin/python3 /usr/bin/mta-sts-daemon -c "$LAB_DIR/plugin.yml"
    wait_for 60 plugin_listens || die "the plugin does not listen: $(cat "$LAB_DIR/plugin.log")"
    SINK_SEEN+=(--fetch-policy --ca-file "$CERTS/ca.pem")
}
plugin_listens() { [[ -n $(in_ns "$H" ss -Hltn 'sport = 8461') ]]; }
[[ -z $HAVE_PLUGIN ]] || plugin_up
sink25_up
postfix_etc "$DANE"
beside with "dane" "$DANE" '' "${ROWS[@]}"
set_as "may" 'smtp_tls_security_level = may\n'
set_as "dane without DNSSEC" 'smtp_tls_security_level = dane\n'
set_as "dane-only" 'smtp_tls_security_level = dane-only\nsmtp_dns_support_level = dnssec\n'
set_as "dane, not by an insecure MX" "${DANE}smtp_tls_dane_insecure_mx_policy = may\n"
set_as "encrypt" 'smtp_tls_security_level = encrypt\n'
set_as "encrypt, as it was said once" 'smtp_tls_security_level =\nsmtp_enforce_tls = yes\n'
printf '.s.test encrypt\nrow3.s.test may\n' >"$ETC/postfix/tls"
# shellcheck disable=SC2016
in_ns "$H" "${ASKING[@]}" "${PKG_RUN[@]}" bash -c 'cp /etc/postfix/tls "$1/tls" && postmap "hash:$1/tls"' - "$ETC/postfix" 2>/dev/null
set_as "a table, by name and by parent" 'smtp_tls_security_level = may\nsmtp_tls_policy_maps = hash:/etc/postfix/tls\n'
printf '/^row[19]/ secure\n' >"$ETC/postfix/patterns"
set_as "a table of patterns" 'smtp_tls_security_level = may\nsmtp_tls_policy_maps = regexp:/etc/postfix/patterns\n'
set_as "a level in master.cf" 'smtp_tls_security_level = may\n' '-o smtp_tls_security_level=encrypt'
set_as "a route to another transport" \
    'smtp_tls_security_level = may\ntransport_maps = inline:{ {row3.s.test = strict:} {.u.test = strict:} }\n'
printf '/@row3\\.s\\.test$/ strict:\n/^row1\\.s\\.test$/ strict:\n' >"$ETC/postfix/routes"
set_as "patterns, which see whole addresses" 'smtp_tls_security_level = may\ntransport_maps = regexp:/etc/postfix/routes\n'
routes() {
    with "a route for all others" 'smtp_tls_security_level = may
parent_domain_matches_subdomains = transport_maps
transport_maps = inline:{ {postmaster@row1.s.test = strict:} {s.test = smtp:} {* = strict:} }\n' '' "${SOME[@]}"
    tap_check "which says whom it was not looked at for" \
        test "$(sum '.local[] | select(.id == "address-routes") | .what' | grep -c '1 addresses (postmaster@row1.s.test)')" = 1
}
beside routes
# Two at a time are two blocks, each with the folder it is for.
instances() {
    postfix_etc "$DANE"
    cp -r "$ETC/postfix" "$ETC/postfix-out"
    sed -i "s|$MTA_DIR|$MTA_DIR-out|" "$ETC/postfix-out/main.cf"
    sed -i "s|^127.0.0.1:$MTA_PORT|127.0.0.1:$((MTA_PORT + 100))|" "$ETC/postfix-out/master.cf"
    mta_queue_folders
    MTA_DIR+=-out mta_queue_folders
    # shellcheck disable=SC2016
    in_ns "$H" "${ASKING[@]}" "${UNSEEN[@]}" "${PKG_RUN[@]}" bash -c '
        /usr/lib/postfix/sbin/master -c /etc/postfix &
        /usr/lib/postfix/sbin/master -c /etc/postfix-out &
        for ((i = 0; i < 1000; i++)); do
            [[ ! -s $1/queue/pid/master.pid || ! -s $1-out/queue/pid/master.pid ]] || break
            sleep 0.01
        done
        shift
        "$@"' two "$MTA_DIR" "$KR" preflight --anchor "$DNS/keys/..ds" --emit postfix row1.s.test >"$LAB_DIR/emitted" 2>"$LAB_DIR/err" || true
    tap_check "two instances: a block each" \
        test "$(grep -oE '^postconf -c /etc/postfix(-out)? -e' "$LAB_DIR/emitted" | sort | paste -sd,)" = \
        'postconf -c /etc/postfix -e,postconf -c /etc/postfix-out -e'
}
beside instances
wrapped() {
    with "TLS before SMTP" 'smtp_tls_security_level = encrypt\nsmtp_tls_wrappermode = yes\n' '' "${SOME[@]}"
    tap_check "which is named" test "$(sum '[.local[] | select(.breaks)] | length > 0')" = true
}
beside wrapped

# emitted WHAT MAIN DOMAIN...: what stays goes once what is emitted was added, and it can be taken back.
emitted() {
    local what=$1 domain
    postfix_etc "$2"
    shift 2
    postfix_sends "$@"
    for domain; do
        tap_check "$what: without it $domain stays" test "${REAL[$domain]:-none}" = deferred
    done
    cp -r "$ETC/postfix" "$LAB_DIR/before"
    emit postfix "$@" row3.s.test
    tap_check "$what: only what needs it is named" test "$(grep -o ' = may }' "$LAB_DIR/emitted" | wc -l)" = $#
    apply "$LAB_DIR/emitted"
    compare postfix "$what, emitted" "$@" row3.s.test
    for domain in "$@" row3.s.test; do
        tap_check "$what: with it $domain goes" test "${REAL[$domain]:-none}" = sent
    done
    sed -n '/Undo:/,/reload/s/^#   //p' "$LAB_DIR/emitted" >"$LAB_DIR/undo"
    tap_check "$what: Postfix complains of nothing" test "$(grep -c 'overriding earlier' "$MTA_DIR/log")" = 0
    emit postfix "$@" row3.s.test
    tap_check "$what: nothing is left to be emitted" grep -q 'nothing has to be switched off' "$LAB_DIR/emitted"
    apply "$LAB_DIR/undo"
    tap_check "$what: it can be taken back" diff -r "$LAB_DIR/before" "$ETC/postfix"
}
# apply FILE: run, where Postfix's folder may be written; it does not run then, and can't be reloaded.
apply() {
    sed "s|/etc/postfix|$ETC/postfix|g; s|^postfix .* reload|true|" "$1" >"$LAB_DIR/applied"
    in_ns "$H" "${ASKING[@]}" "${PKG_RUN[@]}" sh "$LAB_DIR/applied" || tap_note "it failed: $1"
}
beside emitted "DANE" "$DANE" row1.s.test row2.s.test row5.s.test row7.s.test row8.s.test row9.u.test row10.s.test
beside emitted "a table of its own" "smtp_tls_policy_maps = inline:{ {plain.u.test = secure} }\n$DANE" row1.s.test plain.u.test

# ---- MTA-STS, by a plugin ----
PLUGGED='smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix\n'
sts() {
    [[ -n $HAVE_PLUGIN ]] || { tap_skip "$1" "the plugin can't be fetched"; return; }
    with "$1" "$PLUGGED$2" '' "${STS[@]}" plain.u.test
}
[[ -z $HAVE_PLUGIN ]] || beside emitted "MTA-STS" "$PLUGGED" good.test nomatch.test
beside sts "MTA-STS" ''
together
sink_down

# A sink with a certificate of its own: what needs any TLS is served, what needs a certain one is not.
TELLING=(row1.s.test row2.s.test row3.s.test row9b.u.test row10.s.test both.s.test plain.u.test)
sink25_up --tls self-signed
SINK_SEEN+=(--sink 192.0.2.3:25)
beside with "dane, self-signed" "$DANE" '' "${TELLING[@]}"
set_as "encrypt, self-signed" 'smtp_tls_security_level = encrypt\n'
set_as "secure, self-signed" 'smtp_tls_security_level = secure\n'
beside sts "MTA-STS, self-signed" ''
together
sink_down

sink25_up --tls lab-ca --ca-dir "$LAB_DIR/ca"
CA_FILE=$LAB_DIR/cas.pem
cat "$LAB_DIR/ca/ca.pem" ${HAVE_PLUGIN:+"$CERTS/ca.pem"} >"$CA_FILE"
SINK_SEEN+=(--ca-file "$CA_FILE")
SECURE="smtp_tls_security_level = secure\\nsmtp_tls_CAfile = $CA_FILE\\n"
SECURE+='smtp_tls_secure_cert_match = hostname\n'
set_as "secure, trusted" "${SECURE}smtp_tls_servername = hostname\n"
beside sts "MTA-STS, trusted" "smtp_tls_CAfile = $CA_FILE\\n"
nameless() {
    postfix_etc "$SECURE"
    foretell postfix "${SINK_SEEN[@]}" row3.s.test
    tap_check "without a name in the handshake nobody can tell" test "${FORETOLD[row3.s.test]}" = unknown
}
beside nameless
together
sink_down
tap_done
