#!/usr/bin/env bash
# A server that lies: wrong ids, questions and sources, late, doubled and cut answers, loops, answers of
# 65,535 bytes; and one in between that spoils signed answers. What is no answer must not be taken for
# one; what can't be understood is unknown, never none; nothing ends the program.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/dns/lib-dns.sh
. "$TESTS/dns/lib-dns.sh"

((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
pkg_need "${DNS_NEEDS[@]}" || { echo "1..0 # SKIP nsd and unbound can't be fetched"; exit 0; }
dns_init l
ip -n "$H" addr add 10.53.0.2/32 dev lo
ip -n "$H" addr add 10.53.0.3/32 dev lo
zone s.test. < <(
    for way in spoilnsec3 spoiliter spoilmx spoilsig; do printf '%s MX 10 mx\n' "$way"; done
    printf 'mx A 192.0.2.1\n_25._tcp.mx TLSA 3 1 1 %s\n' "$(printf 'c%.0s' {1..64})"
)
sign s.test. -n
zone test. <<END
ns A 127.0.0.2
s NS ns.test.
$(ds_of s.test.)
END
sign test. -n
zone . <<END
test. NS ns.test.
$(ds_of test.)
ns.test. A 127.0.0.2
END
sign .
spawn_ready liar "$H" "$TESTS/dns/liar.py" 10.53.0.2
LIAR=$SPAWNED

# wants WANTED HOW...: what the domain of each way of lying comes to.
wants() {
    local want=$1 how
    shift
    for how; do is "$how.example" '.mx + " " + (.hosts[0].name // "-")' "$want" ""; done
}
LIES=(wrongid wrongid-right wrongq wrongtype source source-right query late doubled cut header counts loop loopmx
    forward huge lower cnames twice aliasonly tcbig tcmany tcshort tcshut tcwrong tcagain plain)
preflight --mta none --resolver 10.53.0.2 "${LIES[@]/%/.example}"
tap_check "it came to its end" test "$(sum .complete)" = true
tap_check "all are told" test "$(sum .told)" = "${#LIES[@]}"
tap_check "DNSSEC of a liar can't be judged" grep -q "can't be judged" "$LAB_DIR/out"
wants 'hosts right.example' plain wrongid-right source-right late doubled tcbig aliasonly
is tcmany.example '"\(.mx) \(.hosts | length) \(.more_hosts)"' 'hosts 64 true' ""
wants 'timeout -' wrongid wrongq wrongtype source query header huge lower tcshort tcshut tcwrong
wants 'failed -' cut counts loop loopmx forward cnames twice tcagain
tap_check "nothing forged was believed" bash -c '! grep -q forged "$1"' - "$LAB_DIR/out"
tap_check "what did not fit was dropped" test "$(sum .dns.strays)" -gt 10
kill "$LIAR"

# Between us and a resolver that is right.
nsd_up 127.0.0.2
unbound_up
spawn_ready between "$H" "$TESTS/dns/liar.py" 10.53.0.3 127.0.0.1
preflight --mta none --resolver 10.53.0.3 {spoilnsec3,spoiliter,spoilmx,spoilsig,gone.spoilnsec3,gone.spoiliter}.s.test
tap_check "signatures are looked at" grep -q "DNSSEC is validated here" "$LAB_DIR/out"
is spoilmx.s.test .mx bogus ""
is spoilsig.s.test .mx bogus ""
is spoilnsec3.s.test '.mx + " " + .hosts[0].name + " " + .mta_sts' 'hosts mx.s.test unknown' ""
is spoiliter.s.test '.mx + " " + .mta_sts' 'hosts unknown' ""
is gone.spoilnsec3.s.test .mx bogus ""
is gone.spoiliter.s.test .mx bogus ""
tap_check "it came to its end" test "$(sum .complete)" = true
tap_done
