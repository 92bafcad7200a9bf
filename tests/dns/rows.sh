#!/usr/bin/env bash
# Every row of the truth table on real servers, judged twice: by a resolver on this host whose word is
# taken, and by our own validation of what a resolver elsewhere passes on.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/dns/lib-dns.sh
. "$TESTS/dns/lib-dns.sh"
# shellcheck source=tests/dns/lib-zones.sh
. "$TESTS/dns/lib-zones.sh"

((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
pkg_need "${DNS_NEEDS[@]}" || { echo "1..0 # SKIP nsd and unbound can't be fetched"; exit 0; }
dns_init d
zones_of_rows
nsd_up 127.0.0.2
unbound_up

ROWS=(row1.s row2.s row3.s row4.s row5.s row6.s row7.s row8.s row9.u row9b.u row9c.u row10.s row11.u row13.s
    gone.s row14.s x.wild.s loop.s alias.s noaddr.s both.s private.s sts.s malformed.s doubled.s linked.s other.s
    fat.s plain.u d.b d.x d.n d.o d.k x.wild.n x.wild.o d.sub.n d.sub.o signed.n signed.o signed.k d.lame
    nodata.n d.i nodata.i)
DOMAINS=("${ROWS[@]/%/.test}")
first='.hosts[0] | .row + " " + .tlsa'

# rows HOW: what both ways have to agree on.
rows() {
    local p=$1
    is row1.s.test '.mx_security + " " + (.hosts[0] | .row + " " + .tlsa)' 'secure 1 usable' "$p"
    is row2.s.test "$first" '2 unusable' "$p"
    is row3.s.test "$first" '3 none' "$p"
    is row4.s.test "$first" '4 insecure' "$p"
    is row5.s.test "$first" '5 failed' "$p"
    is row6.s.test '.hosts[0] | .row + " " + .address' '6 insecure' "$p"
    is row7.s.test '.hosts[0] | .row + " " + .alias + " " + .tlsa' '7 first-secure usable' "$p"
    is row8.s.test '.hosts[0] | .row + " " + .alias + " " + .tlsa_expanded' '8 secure usable' "$p"
    is row9.u.test '.mx_security + " " + .hosts[0].row' 'insecure 9' "$p"
    is row9b.u.test '.hosts[0].row' '9-unusable' "$p"
    is row9c.u.test '.hosts[0].row' '9-failed' "$p"
    is row10.s.test '.mx + " " + .mx_security + " " + .hosts[0].row' 'implicit secure 10' "$p"
    is row11.u.test '.mx + " " + .mx_security + " " + .hosts[0].row' 'implicit insecure 11' "$p"
    is row13.s.test '.mx + " " + .row' 'null 13' "$p"
    is gone.s.test '.mx + " " + .row' 'nxdomain 13' "$p"
    is row14.s.test '.hosts[0].row + " " + .own_tlsa' "$OWN" "$p"
    is x.wild.s.test '.mx_security + " " + .hosts[0].row' 'secure 1' "$p"
    is loop.s.test '.row' '12' "$p"
    is alias.s.test '.mx_security + " " + .hosts[0].name' 'secure mx1.s.test' "$p"
    is noaddr.s.test '.hosts[0].row' 'unreachable' "$p"
    is both.s.test '[.hosts[].row] | join(" ")' '1 3' "$p"
    is private.s.test '.hosts[0] | "\(.private) \(.loopback)"' 'true true' "$p"
    is sts.s.test '.mta_sts' valid "$p"
    is malformed.s.test '.mta_sts' malformed "$p"
    is doubled.s.test '.mta_sts' doubled "$p"
    is linked.s.test '.mta_sts' valid "$p"
    is other.s.test '.mta_sts' none "$p"
    is row1.s.test '.tlsrpt' valid "$p"
    is fat.s.test '.hosts | length' 60 "$p"
    is plain.u.test '.mx_security + " " + .hosts[0].row' 'insecure 6' "$p"
    is d.b.test '.mx + " " + .row' 'bogus 12' "$p"
    is d.x.test '.mx + " " + .row' 'bogus 12' "$p"
    is d.n.test '.mx_security + " " + .hosts[0].row' 'secure 1' "$p"
    is d.o.test '.mx_security + " " + .hosts[0].row' 'secure 1' "$p"
    is d.k.test '.mx_security + " " + .hosts[0].row' 'insecure 9' "$p"
    is x.wild.n.test '.mx_security + " " + .hosts[0].row' 'secure 1' "$p"
    is d.sub.n.test '.mx_security' insecure "$p"
    is d.sub.o.test '.mx_security' insecure "$p"
    is nodata.n.test '.mx + " " + .mx_security' 'implicit secure' "$p"
    is d.i.test '.mx_security + " " + .hosts[0].row' 'secure 1' "$p"
    is nodata.i.test '.mx + " " + .mx_security + " " + .hosts[0].row' 'implicit insecure 11' "$p"
    is signed.n.test '.mx_security + " " + .hosts[0].row' 'secure 1' "$p"
    is signed.k.test '.mx_security' insecure "$p"
    is d.lame.test '.row' 12 "$p"
}

OWN='3 unasked'
preflight --mta postfix "${DOMAINS[@]}"
tap_check "hazards are exit 1" test "$STATUS" = 1
tap_check "a resolver on this host is believed" grep -q "word on DNSSEC is taken (a server on this host)" "$LAB_DIR/out"
rows "by AD: "
cp "$LAB_DIR/out" "$LAB_DIR/by-ad"

preflight --mta postfix --resolver 10.53.0.1 "${DOMAINS[@]}"
tap_check "one elsewhere is not" grep -q "DNSSEC is validated here" "$LAB_DIR/out"
rows "validated: "

preflight --mta postfix --resolver 10.53.0.1 --trust-ad row1.s.test
tap_check "unless told" grep -q "(--trust-ad)" "$LAB_DIR/out"

preflight --mta postfix --resolver 127.0.0.2 row1.s.test
tap_check "what does not recurse can't be judged by its AD" grep -qE "validated here|can.t be judged" "$LAB_DIR/out"
tap_done
