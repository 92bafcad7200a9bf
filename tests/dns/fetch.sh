#!/usr/bin/env bash
# MTA-STS policies over HTTPS, from servers good and bad; who is asked for names; what becomes of it all
# when the program that fetches dies.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/dns/lib-dns.sh
. "$TESTS/dns/lib-dns.sh"
# shellcheck source=tests/dns/lib-certs.sh
. "$TESTS/dns/lib-certs.sh"

((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
pkg_need "${DNS_NEEDS[@]}" || { echo "1..0 # SKIP nsd and unbound can't be fetched"; exit 0; }
H2=yes
pkg_need nghttp2-server || H2=
dns_init f

# DOMAIN POLICY FETCH OUTCOME: what the table below must come to, for an MTA that honours everything and a
# sink without STARTTLS.
read -r -d '' TABLE <<'END' || true
good        enforce    fetched     fails
testing     testing    fetched     delivers
none        none       fetched     delivers
lf          enforce    fetched     fails
charset     enforce    fetched     fails
chunks      enforce    fetched     fails
full        enforce    fetched     fails
wildcard    enforce    fetched     fails
alias       enforce    fetched     fails
six         enforce    fetched     fails
twofold     enforce    fetched     fails
malformed   enforce    fetched     fails
doubled     enforce    fetched     fails
nomatch     no-match   fetched     fails
half        enforce    fetched     fails
redirect    unusable   redirect    delivers
moved       unusable   redirect    delivers
media       unusable   media-type  delivers
nomedia     unusable   media-type  delivers
gone        unusable   status      delivers
created     unusable   status      delivers
broken      unknown    busy        unknown
busy        unknown    busy        unknown
empty       unusable   malformed   unknown
grammar     unusable   malformed   unknown
html        unusable   malformed   unknown
oversize    unusable   oversize    delivers
chunkover   unusable   oversize    delivers
toclose     unusable   oversize    delivers
heads       unusable   oversize    delivers
cut         unknown    http        unknown
nohttp      unknown    http        unknown
stalled     unknown    timeout     unknown
silent      unknown    timeout     unknown
drip        unknown    timeout     unknown
hole        unknown    timeout     unknown
expired     unusable   expired     delivers
future      unusable   expired     delivers
wrongname   unusable   wrong-name  delivers
cnonly      unusable   wrong-name  delivers
selfsigned  unusable   untrusted   delivers
old         unusable   tls         delivers
plaintext   unusable   tls         delivers
reset       unknown    connect     unknown
refused     unknown    connect     unknown
noaddr      unusable   no-address  delivers
lookup      unknown    lookup      unknown
nullmx      unfetched  unfetched   fails
END
[[ -z $H2 ]] || TABLE+=$'\nh2          enforce    fetched     fails'
mapfile -t WAYS < <(awk '{ print $1 }' <<<"$TABLE")

# ---- the lab ----
ip -n "$H" -batch - <<END
addr add 192.0.2.80/32 dev lo
addr add 192.0.2.81/32 dev lo
addr add 192.0.2.82/32 dev lo
addr add 192.0.2.83/32 dev lo
addr add 192.0.2.84/32 dev lo
addr add 192.0.2.85/32 dev lo
addr add 192.0.2.86/32 dev lo
addr add 2001:db8::80/128 dev lo nodad
END
in_ns "$H" nft 'table ip hole { chain i { type filter hook input priority 0; ip daddr 192.0.2.84 drop; }; }'
certs_init "$LAB_DIR/certs"
mapfile -t NAMES < <(printf 'mta-sts.%s.test\n' "${WAYS[@]}")
for ((i = 0; i < 300; i++)); do NAMES+=("mta-sts.d$i.many.test"); done
cert all -1 30 lab "${NAMES[@]}"
cert expired -30 -1 lab mta-sts.expired.test
cert future 1 30 lab mta-sts.future.test
cert wrongname -1 30 mta-sts.wrongname.test mta-sts.other.test
cert cnonly -1 30 mta-sts.cnonly.test
cert wildcard -1 30 lab '*.wildcard.test'
own_cert selfsigned mta-sts.selfsigned.test mta-sts.selfsigned.test
zone test. < <(
    for w in "${WAYS[@]}"; do
        case $w in
        nullmx) echo "$w MX 0 ." ;;
        half) printf '%s MX 10 mx.%s\n%s MX 20 mx2.%s\nmx2.%s A 192.0.2.26\n' $w $w $w $w $w ;;
        *) echo "$w MX 10 mx.$w" ;;
        esac
        echo "mx.$w A 192.0.2.25"
        case $w in
        malformed) echo "_mta-sts.$w TXT \"v=STSv1; id=not-an-id;\"" ;;
        doubled) printf '_mta-sts.%s TXT "v=STSv1; id=%s;"\n' $w 1 $w 2 ;;
        *) echo "_mta-sts.$w TXT \"v=STSv1; id=1;\"" ;;
        esac
        case $w in
        plaintext) echo "mta-sts.$w A 192.0.2.81" ;;
        reset) echo "mta-sts.$w A 192.0.2.82" ;;
        old) echo "mta-sts.$w A 192.0.2.86" ;;
        refused) echo "mta-sts.$w A 192.0.2.83" ;;
        hole) echo "mta-sts.$w A 192.0.2.84" ;;
        h2) echo "mta-sts.$w A 192.0.2.85" ;;
        six) echo "mta-sts.$w AAAA 2001:db8::80" ;;
        twofold) printf 'mta-sts.%s A 192.0.2.83\nmta-sts.%s AAAA 2001:db8::80\n' $w $w ;;
        noaddr) ;;
        lookup) printf 'mta-sts.%s CNAME more.%s\nmore.%s CNAME mta-sts.%s\n' $w $w $w $w ;;
        alias) printf 'mta-sts.%s CNAME policies.%s\npolicies.%s A 192.0.2.80\n' $w $w $w ;;
        *) echo "mta-sts.$w A 192.0.2.80" ;;
        esac
    done
    for ((i = 0; i < 300; i++)); do
        echo "d$i.many MX 10 mx.many"
        echo "_mta-sts.d$i.many TXT \"v=STSv1; id=1;\""
        echo "mta-sts.d$i.many CNAME policies.many"
    done
    printf 'mx.many A 192.0.2.25\npolicies.many A 192.0.2.80\nns A 127.0.0.2\n'
)
sign test.
zone . <<END
test. NS ns.test.
$(ds_of test.)
ns.test. A 127.0.0.2
END
sign .
# The system's own server must not be asked: policies.py listens there, and says so when it is.
printf 'nameserver 127.0.0.5\n' >"$DNS/etc/resolv.conf"
nsd_up 127.0.0.2
unbound_up
spawn policies "$H" python3 "$TESTS/dns/policies.py" "$CERTS"
await_line "$LAB_DIR/policies.log" ^ready 1 30 || die "policies.py did not start: $(cat "$LAB_DIR/policies.log")"
if [[ -n $H2 ]]; then
    mkdir -p "$LAB_DIR/h2/.well-known"
    printf 'version: STSv1\nmode: enforce\nmx: mx.h2.test\nmax_age: 1\n' >"$LAB_DIR/h2/.well-known/mta-sts.txt"
    printf 'text/plain txt\n' >"$LAB_DIR/h2/mime"
    spawn h2 "$H" "${PKG_RUN[@]}" /usr/sbin/nghttpd -a 192.0.2.85 -d "$LAB_DIR/h2" --mime-types-file "$LAB_DIR/h2/mime" \
        443 "$CERTS/all.key" "$CERTS/all.crt"
    h2_listens() { [[ -n $(in_ns "$H" ss -Hltn 'src 192.0.2.85 and sport = 443') ]]; }
    wait_for 5 h2_listens || die "nghttpd does not listen: $(cat "$LAB_DIR/h2.log")"
fi

# ---- every way ----
DOMAINS=("${WAYS[@]/%/.test}")
LOOK=(--resolver 10.53.0.1 --mta none --sink builtin)
FETCH=("${LOOK[@]}" --fetch-policy --fetch-timeout 5 --ca-file "$CERTS/ca.pem")
preflight "${FETCH[@]}" "${DOMAINS[@]}"
tap_check "hazards are exit 1" test "$STATUS" = 1
while read -r way policy how outcome; do
    is "$way.test" '.mta_sts_policy + " " + .mta_sts_fetch + " " + .outcome' "$policy $how $outcome" ''
done <<<"$TABLE"
is half.test '[.hosts[] | "\(.name) \(.mta_sts_named) \(.needs)"] | join(", ")' \
    'mx.half.test true verify, mx2.half.test false defer' "each host: "
is nomatch.test '"\(.mta_sts_row) \(.hosts[0].needs)"' 'S2 defer' "row: "
is testing.test .mta_sts_row S3 "row: "
is good.test '"\(.mta_sts_row) \(.mta_sts_max_age) \(.mta_sts_status)"' 'S1 86400 200' "row, age, status: "
is gone.test .mta_sts_status 404 "status: "
is good.test '.breaking | join(" ")' mta-sts "hazard: "
is refused.test '.hazards | join(" ")' 'mta-sts mta-sts-fetch' "hazard: "
is gone.test '.hazards + .breaking | join(" ")' mta-sts "no harm without a cached one: "
cp "$LAB_DIR/out" "$LAB_DIR/all-ways"
tap_check "policies are summed up" test "$(sum '.policies | "\(.enforce) \(."no-match") \(.testing) \(.none)"')" = \
    "$(grep -c ' enforce ' <<<"$TABLE") 1 1 1"
tap_check "the redirect was not followed" test "$(grep -c '^good GET' "$LAB_DIR/policies.log")" = 1
tap_check "it asks for what the RFC says" grep -qF \
    'good GET /.well-known/mta-sts.txt HTTP/1.1 | Host: mta-sts.good.test' "$LAB_DIR/policies.log"
for way in expired wrongname cnonly selfsigned old; do
    tap_check "no request where the certificate is bad: $way" test "$(grep -c "^$way GET" "$LAB_DIR/policies.log")" = 0
done
tap_check "no name was asked of another server" test "$(grep -c ^asked "$LAB_DIR/policies.log")" = 0
in_ns "$H" timeout 5 "${PKG_RUN[@]}" python3 "$TESTS/dns/ask.py" 127.0.0.5 test. SOA >/dev/null 2>&1 || true
tap_check "  which would have shown" await_line "$LAB_DIR/policies.log" ^asked

# ---- as it is set ----
preflight "${LOOK[@]}" good.test gone.test
is good.test '.mta_sts_policy + " " + .outcome' 'unfetched fails' "nobody asked for it: "
is gone.test .outcome fails "counts as enforce: "
preflight "${LOOK[@]}" --fetch-policy --fetch-timeout 5 good.test
is good.test .mta_sts_fetch untrusted "the system's CAs do not know ours: "
preflight "${LOOK[@]}" --fetch-policy --ca-file "$LAB_DIR/nowhere" good.test
tap_check "no such file of CAs: exit 2" test "$STATUS" = 2
preflight "${LOOK[@]}" --fetch-policy --ca-file "$DNS/etc/passwd" good.test
tap_check "no CAs in it: exit 2" test "$STATUS" = 2
tap_check "  said so" grep -q 'holds no CA certificates' "$LAB_DIR/err"
preflight "${LOOK[@]}" --fetch-policy --fetch-timeout 0 good.test
tap_check "no time at all: exit 2" test "$STATUS" = 2
preflight --resolver 10.53.0.1 --mta kumomta --sink builtin --fetch-policy --ca-file "$CERTS/ca.pem" testing.test none.test
tap_check "KumoMTA, harmless policies: exit 0" test "$STATUS" = 0
in_ns "$H" "$KR" preflight "${FETCH[@]}" good.test gone.test >"$LAB_DIR/text" 2>&1 || true
tap_check "in words" grep -q 'MTA-STS valid (policy enforce, 86400 s)' "$LAB_DIR/text"
tap_check "  and why not" grep -q "policy unusable: another HTTP status than 200, 404" "$LAB_DIR/text"
tap_check "  in sum" grep -q 'policies  1 enforce, 1 unusable' "$LAB_DIR/text"

# ---- many at once ----
# More than are out at once, of names that all lead to one policy's host.
for ((i = 0; i < 300; i++)); do echo "d$i.many.test"; done >"$LAB_DIR/list"
preflight "${FETCH[@]}" --domains-file "$LAB_DIR/list"
tap_check "300 policies" test "$(sum '.policies."no-match"')" = 300

# ---- what it may do, and its death ----
SILENT=$(grep -c '^silent GET' "$LAB_DIR/policies.log")
in_ns "$H" "$KR" preflight --resolver 10.53.0.1 --mta none --sink builtin --fetch-policy --ca-file "$CERTS/ca.pem" \
    --format json silent.test good.test >"$LAB_DIR/out" 2>"$LAB_DIR/err" &
PARENT=$!
fetching() {
    local p
    p=$(pgrep -x kumo-redirect -P "$PARENT" || echo "$PARENT")
    FETCHER=$(pgrep -x kumo-fetch -P "$p") && grep -q '^Seccomp:.*2' "/proc/$FETCHER/status" &&
        (($(grep -c '^silent GET' "$LAB_DIR/policies.log") > SILENT))
}
wait_for 10 fetching || die "no kumo-fetch: $(cat "$LAB_DIR/err")"
status_of() { awk -v k="$1:" '$1 == k { $1 = ""; print substr($0, 2) }' "/proc/$FETCHER/status"; }
tap_check "it is nobody" test "$(status_of Uid)" = "65534 65534 65534 65534"
tap_check "of no other group" test "$(status_of Groups)" = ""
tap_check "without a capability" test "$(status_of CapPrm) $(status_of CapEff) $(status_of CapBnd)" = \
    "0000000000000000 0000000000000000 0000000000000000"
tap_check "nor a way to get one" test "$(status_of NoNewPrivs)" = 1
tap_check "behind a filter of system calls" test "$(status_of Seccomp)" = 2
kill -SEGV "$FETCHER"
STATUS=0
wait "$PARENT" || STATUS=$?
is silent.test '.mta_sts_policy + " " + .mta_sts_fetch + " " + .outcome' 'unknown nobody unknown' "when it dies: "
tap_check "  it is said why" test "$(sum .fetcher)" = 'kumo-fetch was ended by signal 11 (Segmentation fault)'
tap_check "  and nothing is clean" test "$STATUS" = 1 -o "$STATUS" = 4
validates() {
    python3 - "$REPO/contrib/schema" "$1" <<'END'
import json, sys
import jsonschema
schemas = {}
for name in ("preflight", "preflight-domain"):
    with open(f"{sys.argv[1]}/{name}.schema.json") as f:
        schemas[f"kumo-redirect/{name}/1"] = json.load(f)
lines = [json.loads(l) for l in open(sys.argv[2])]
for line in lines:
    jsonschema.validate(line, schemas[line["schema"]])
assert len(lines) > 2
END
}
tap_check "JSON is what its schemas say" validates "$LAB_DIR/out"
tap_check "  of all kinds" validates "$LAB_DIR/all-ways"
tap_done
