#!/usr/bin/env bash
# KumoMTA is asked by each of the ways it has, which scripts play here: what is made of the answers, and
# of none, slow ones and nonsense; and the module that is emitted for it, run by a real Lua.
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
dns_init k
zones_of_rows
nsd_up 127.0.0.2
# shellcheck disable=SC2119
unbound_up

KUMO=$LAB_DIR/kumomta
mkdir -p "$KUMO/etc/policy" "$KUMO/sbin"
cat >"$KUMO/etc/policy/init.lua" <<'END'
local kumo = require 'kumo'
kumo.on('get_egress_source', function(name)
  return kumo.make_egress_source { name = name, remote_port = 587, socks5_proxy_server = '10.0.0.9:1080' }
end)
dofile '/opt/kumomta/etc/policy/sources.lua'
END
# Nothing in it that a reader of texts would know.
cat >"$KUMO/etc/policy/sources.lua" <<'END'
local kumo = require 'kumo'
local port, proxy = 'remote_' .. 'port', 'ha_proxy' .. '_server'
kumo.on('get_egress_pool', function(name)
  return kumo.make_egress_pool { name = name, entries = { { name = 'plain-' .. name }, { name = 'far-' .. name } } }
end)
kumo.on('get_egress_source', function(name)
  if name:find '^far' then return kumo.make_egress_source { name = name, [port] = 2525, [proxy] = '192.0.2.7:5000' } end
  return kumo.make_egress_source { name = name, [port] = name:find '^plain' and 25 or nil }
end)
END
printf '["provider google"]\nenable_tls = "Required"\nremember_broken_tls = "3 days"\n' >"$KUMO/etc/policy/shaping.toml"
# shellcheck disable=SC2016
PKG_RUN+=(bash -c '
    mount -t tmpfs kr-opt /opt && mkdir /opt/kumomta && mount --bind "$1" /opt/kumomta || exit 126
    shift
    exec "$@"' kumo "$KUMO")

# program NAME LINES: one of KumoMTA's, as bash has it.
program() {
    # shellcheck disable=SC2016
    printf '#!/bin/bash\necho "$(id -u) $0 $*" >>%q\n%s\n' "$LAB_DIR/ran" "$2" >"$KUMO/sbin/$1"
    chmod 755 "$KUMO/sbin/$1"
}
: >"$LAB_DIR/ran"
chmod 666 "$LAB_DIR/ran"
SAYS="python3 $TESTS/dns/kumod.py"
KCLI="[[ \$1 == --endpoint && \$3 == resolve-egress-path && \$4 == --json ]] || exit 2; $SAYS answer \"\$5\""
RELEASE="[[ \$1 != --help ]] || { echo 'usage: resolve-shaping-domain DOMAIN [SOURCE]'; exit; }
[[ \$1 != -* ]] || exit 2; $SAYS path \"\$1\""
LATER="[[ \$1 != --help ]] || { echo '  --json-config  print JSON'; exit; }
[[ \$1 == --json-config ]] || { echo 'enable_tls = Opportunistic'; exit; }; $SAYS path \"\$2\""

http_up() {
    spawn kumod "$H" python3 "$TESTS/dns/kumod.py" http 8000 "$1"
    HTTP=$SPAWNED
    await_line "$LAB_DIR/kumod.log" '^ready' 1 20 || die "no HTTP: $(cat "$LAB_DIR/kumod.log")"
}
http_down() { kill "$HTTP" && wait_for 5 gone "$HTTP"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
# mta WANTED FILTER NAME: of the one MTA that was judged.
mta() {
    local got
    got=$(sum ".mtas[0] | $2")
    if [[ $got == "$1" ]]; then tap_ok "$3: $1"; else tap_not_ok "$3: wanted $1, got '$got'"; sum . | sed 's/^/# /'; fi
}
needs='.hosts[0] | "\(.needs) \(.outcome)"'
SOME=(row1.s.test row3.s.test plain.u.test row4.s.test)
# the_same HOW: the answers about some domains, which every way gives.
the_same() {
    is row1.s.test "$needs" 'verify fails' "$1: "
    is row3.s.test "$needs" 'opportunistic delivers' "$1: "
    is plain.u.test "$needs" 'encrypt fails' "$1: "
    is row4.s.test "$needs" 'may delivers' "$1: "
}
noted() { sum '.local[] | .id + " " + .where + " " + .what' | grep -qE -- "$1" || { sum .local | sed 's/^/# /'; return 1; }; }

KUMOD="[[ \$1 == --policy && \$3 == --script && -z \$4 ]] || exit 2; exec lua5.4 $TESTS/dns/kumod.lua \"\$2\""
program kumod "$KUMOD"
http_up later
preflight "${SOME[@]}" row14.s.test row11.u.test row7.s.test row6.s.test row8.s.test row10.s.test x.wild.s.test sts.s.test
mta 'kumomta false' '"\(.id) \(.assumed)"' "HTTP"
mta 12 .asked "HTTP: each domain is asked about"
the_same HTTP
is row14.s.test "$needs" 'may delivers' 'HTTP: DANE at the domain is nothing to later builds: '
is row11.u.test '.breaking | join(" ")' route 'HTTP: custom_lua: '
is row7.s.test '.breaking | join(" ")' route 'HTTP: an mx_list: '
is row6.s.test '.breaking | join(" ")' route 'HTTP: another port: '
is row10.s.test "$needs" 'opportunistic delivers' 'HTTP: no MX is told: '
is x.wild.s.test .outcome unknown 'HTTP: a level nobody knows: '
is sts.s.test "$needs" 'unsure unknown' 'HTTP: MTA-STS off, and still looked up: '
tap_check "HTTP: remember_broken_tls is told of, with the provider" noted 'remember-broken-tls provider google .*3 days'
tap_check "the files are named, with the line" noted 'remember-broken-tls /opt/kumomta/etc/policy/shaping.toml:3'
tap_check "and a provider that requires TLS" noted 'required-provider /opt/kumomta/etc/policy/shaping.toml:2'
tap_check "a proxy" noted 'proxy /opt/kumomta/etc/policy/init.lua:3'
tap_check "a port of a source" noted 'port /opt/kumomta/etc/policy/init.lua:3 .*587'
tap_check "a source that only kumod can tell: its port" noted "port egress source far-we're .. in remote_port = 2525"
tap_check "  its proxy" noted "proxy egress source far-we're .. in ha_proxy_server = 192.0.2.7:5000"
tap_check "  and no other of the pool" test "$(sum '[.local[] | select(.where | startswith("egress source"))] | length')" = 2
tap_check "  each pool once, and as nobody" \
    test "$(grep -c '/kumod --policy' "$LAB_DIR/ran") $(grep '/kumod ' "$LAB_DIR/ran" | cut -d' ' -f1 | sort -u)" = '2 65534'
script_gone() {
    local path
    while read -r path; do [[ ! -e $path ]] || return 1; done < <(sed -nE 's/.* --policy ([^ ]+) .*/\1/p' "$LAB_DIR/ran")
}
tap_check "  by a script that is gone" script_gone
tap_check "passwords" noted 'smtp-auth row8.s.test'
printf "kumo.on('pre_init', function() kumo.dns.set_mta_sts_enabled(false) end)\n" >"$KUMO/etc/policy/off.lua"
preflight sts.s.test
is sts.s.test .outcome delivers 'HTTP: lookups are off too: '
rm "$KUMO/etc/policy/off.lua"
program kumod "$KUMOD old"
preflight row4.s.test
tap_check "a kumod that can't tell its sources: said" noted 'sources-not-asked .*2025.12.02'
program kumod 'echo oops >&2; exit 1'
preflight row4.s.test
tap_check "one that fails: said why" noted 'sources-not-asked .*oops'
program kumod 'echo source x; echo remote_port 587'
preflight row4.s.test
tap_check "one that stops midway: said" noted 'sources-not-asked .*to the end'
preflight --mta-asks 2 "${SOME[@]}"
mta '2 2' '"\(.asked) \(.unasked)"' "no more are asked about than may be"
is row4.s.test .outcome unknown 'one that was not: '
seq -f 'a%.0f.wild.s.test' 520 >"$LAB_DIR/names"
preflight --domains-file "$LAB_DIR/names"
mta '500 20 0' '"\(.asked) \(.by_site) \(.unasked)"' "of many a sample of each site stands for it"
tap_check "and they are judged by it" test "$(jq -r 'select(.domain) | .hosts[0].needs' "$LAB_DIR/out" | sort | uniq -c | tr -s ' ')" = ' 520 opportunistic'
http_down

program resolve-shaping-domain "$RELEASE"
http_up release
preflight "${SOME[@]}" row14.s.test
mta 'kumomta-release false' '"\(.id) \(.assumed)"' "a release"
the_same "a release"
is row14.s.test '.hosts[0] | "\(.row) \(.outcome)"' '14 fails' 'a release: DANE at the domain: '
tap_check "its program does not run as root" test "$(cut -d' ' -f1 "$LAB_DIR/ran" | sort -u)" = 65534
tap_check "nor is it given what it takes for a domain" test "$(grep -c -- --json-config "$LAB_DIR/ran")" = 0
http_down

program kcli "$KCLI"
preflight "${SOME[@]}"
mta 'kumomta false' '"\(.id) \(.assumed)"' "kcli"
tap_check "kcli: by it" test "$(sum '.mtas[0].how')" = '/opt/kumomta/sbin/kcli resolve-egress-path --json'
the_same kcli
program kcli 'exit 1'
program resolve-shaping-domain "$LATER"
preflight "${SOME[@]}"
mta 'kumomta /opt/kumomta/sbin/resolve-shaping-domain --json-config' '"\(.id) \(.how)"' "its later form"
the_same "its later form"

none_runs() {
    local pid
    [[ -s $1 ]] || return 1
    while read -r pid; do ! kill -0 "$pid" 2>/dev/null || return 1; done <"$1"
}
# fails_to NAME: nobody answers as it should, and that is said.
fails_to() {
    preflight row3.s.test
    mta 'kumomta true' '"\(.id) \(.assumed)"' "$1: the defaults, assumed"
    tap_check "$1: and it is said that it was not asked" noted 'not-asked'
}
program resolve-shaping-domain 'echo no such option >&2; exit 1'
fails_to "errors"
program resolve-shaping-domain 'echo "<html>"'
http_up garbage
fails_to "nonsense"
http_down
program resolve-shaping-domain "$SAYS path x | head -c 40"
fails_to "half an answer"
program resolve-shaping-domain 'yes'
fails_to "no end of it"
# shellcheck disable=SC2016
program resolve-shaping-domain 'echo $$ >>"${0%/*}/pids"; exec sleep 100' # bounded: it is killed
: >"$KUMO/sbin/pids"
chmod 666 "$KUMO/sbin/pids"
http_up hang
fails_to "no answer at all"
tap_check "no answer at all: nothing is left running" none_runs "$KUMO/sbin/pids"
http_down
program resolve-shaping-domain "[[ \$1 == --help || \$1 == example.com ]] || { echo oops >&2; exit 1; }; $RELEASE"
preflight "${SOME[@]}" row11.u.test
mta '3 3 2' '"\(.asked) \(.failed) \(.unasked)"' "after three failures it is left alone"
is row3.s.test .outcome unknown 'nothing is made up: '
chmod 777 "$KUMO/sbin/resolve-shaping-domain"
fails_to "a program that anybody can change"

# emitted FIELDS DOMAIN...: the module that is emitted changes these fields, on every path.
emitted() {
    local fields=$1
    shift
    in_ns "$H" "${PKG_RUN[@]}" "$KR" preflight --anchor "$DNS/keys/..ds" --emit kumomta "$@" >"$LAB_DIR/emitted" 2>"$LAB_DIR/err" || true
    lua5.4 "$TESTS/dns/kumo.lua" "$LAB_DIR/emitted" "$fields" >"$LAB_DIR/lua" 2>&1 || true
    tap_check "emitted for $fields: $(grep -c '^ok' "$LAB_DIR/lua") paths and rules hold" lua_holds
}
lua_holds() {
    if grep -qvE '^(ok|1\.\.)' "$LAB_DIR/lua" || ! grep -q '^1\.\.' "$LAB_DIR/lua"; then
        sed 's/^/# /' "$LAB_DIR/lua"
        return 1
    fi
}
http_up later
emitted enable_tls row1.s.test
emitted "enable_tls enable_mta_sts" row1.s.test other.s.test malformed.s.test
http_down
program resolve-shaping-domain "$RELEASE"
http_up release
emitted enable_dane row14.s.test
tap_check "a release is not told what it does not know" test "$(grep -c set_mta_sts_enabled "$LAB_DIR/emitted")" = 0
http_down

# ---- put into a policy as it says, and taken out again ----
POLICY=$KUMO/etc/policy
cat >"$POLICY/init.lua" <<'END'
local kumo = require 'kumo'
local shaping = require 'policy-extras.shaping'
local shaper = shaping:setup_with_automation { extra_files = { '/opt/kumomta/etc/policy/shaping.toml' } }
kumo.on('get_egress_path_config', shaper.get_egress_path_config)
END
rm "$POLICY/sources.lua"
program kcli "[[ \$1 == --endpoint && \$3 == resolve-egress-path && \$4 == --json ]] || exit 2
exec lua5.4 $TESTS/dns/kumo-path.lua /opt/kumomta/etc/policy/init.lua \"\$5\""
preflight row1.s.test row3.s.test
mta 'false /opt/kumomta/sbin/kcli resolve-egress-path --json' '"\(.assumed) \(.how)"' "a kumod with a policy of its own"
stays() { is row1.s.test .outcome fails "$1: "; is row3.s.test .outcome delivers "$1: "; }
stays "before"
cp -r "$POLICY" "$LAB_DIR/policy"
emitted "enable_tls enable_dane" row1.s.test row3.s.test
mapfile -t LINES < <(sed -nE 's/^--   (local |kumo\.on)/\1/p' "$LAB_DIR/emitted")
FILE=$(sed -nE 's/^-- Save it as ([^ ]+)\. .*/\1/p' "$LAB_DIR/emitted")
tap_check "the file it says is the file that is loaded" test "${LINES[0]}" = "local test = dofile '$FILE'"
cp "$LAB_DIR/emitted" "$KUMO${FILE#/opt/kumomta}"
awk -v load="${LINES[0]}" -v path="${LINES[1]}" '/get_egress_path_config/ { print path; next } { print } /require .kumo.$/ { print load }' \
    "$LAB_DIR/policy/init.lua" >"$POLICY/init.lua"
preflight row1.s.test row3.s.test
is row1.s.test .outcome delivers 'with it: '
is row3.s.test .outcome delivers 'with it: '
in_ns "$H" "${PKG_RUN[@]}" "$KR" preflight --anchor "$DNS/keys/..ds" --emit kumomta row1.s.test >"$LAB_DIR/again" 2>"$LAB_DIR/err" || true
tap_check "nothing is left to be emitted" grep -q 'nothing has to be switched off' "$LAB_DIR/again"
sed -i "\|^${LINES[0]}\$|d; s/test\.path(\(shaper[^)]*\))/\1/" "$POLICY/init.lua"
rm "$KUMO${FILE#/opt/kumomta}"
tap_check "taken out, the policy is what it was" diff -r "$LAB_DIR/policy" "$POLICY"
preflight row1.s.test row3.s.test
stays "taken out"
tap_done
