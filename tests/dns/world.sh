#!/usr/bin/env bash
# What is found out must not depend on how fast is asked, nor on what gets lost on the way: the same
# domains at full speed, at 1,000 queries a second, a few at a time, and with one in twenty lost.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/dns/lib-dns.sh
. "$TESTS/dns/lib-dns.sh"

((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
lab_init w
ns_add "$H"

world_up() {
    spawn_ready world "$H" "$TOOLS/dnsworld" -d "$@"
    WORLD=$SPAWNED
}
world_down() {
    kill "$WORLD"
    await_line "$LAB_DIR/world.log" '^dropped'
}
# ask NAME FILE OPTION...: each domain's verdict in $LAB_DIR/NAME, all of it in NAME.all, the sum in
# NAME.sum. Whether a host was asked for TLSA before its zone turned out to be insecure is a matter of luck.
ask() {
    local name=$1 file=$2 status=0
    shift 2
    in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --mta none --format json --domains-file "$file" "$@" \
        >"$LAB_DIR/$name.all" 2>"$LAB_DIR/$name.err" || status=$?
    tail -n 1 "$LAB_DIR/$name.all" >"$LAB_DIR/$name.sum"
    head -n -1 "$LAB_DIR/$name.all" | jq -c '[.domain, .outcome, .mx, .mx_security, .mta_sts, .hazards, .breaking,
        (.hosts[] | .name, .needs, .outcome)]' >"$LAB_DIR/$name"
    return "$((status > 1))"
}
same() { diff -q "$1" "$2" >/dev/null || { diff "$1" "$2" | head -n 6 | sed 's/^/# /'; return 1; }; }
of() { jq -r "$2" "$LAB_DIR/$1.sum"; }

python3 "$TESTS/dns/world.py" 20000 7 >"$LAB_DIR/names"
head -n 2000 "$LAB_DIR/names" | grep -v -- "-z[.-]" >"$LAB_DIR/two-thousand"
world_up
ask full "$LAB_DIR/names"
world_down
grep -E '^type' "$LAB_DIR/world.log" | sed 's/^/# asked: /'
tap_check "all are told" test "$(wc -l <"$LAB_DIR/full")" = 20000
tap_check "in the order they were given" same <(jq -r ".[0]" "$LAB_DIR/full") "$LAB_DIR/names"
tap_check "all addresses were asked for" test "$(of full '.addresses_unasked | "\(.hosts) \(.domains)"')" = "0 0"
tap_check "lists too long for a datagram came by TCP" test "$(of full .dns.tcp)" -gt 50
kinds() { jq -r 'select(.domain | test("-'"$1"'[-.]")) | '"$2" <(head -n -1 "$LAB_DIR/full.all") | sort -u | paste -sd' '; }
tap_check "Google's five hosts" test "$(kinds g '.hosts | length')" = 5
tap_check "a list of forty hosts" test "$(kinds t '.hosts | length')" = 40
tap_check "SERVFAIL is failed" test "$(kinds f .mx)" = failed
tap_check "silence is a timeout" test "$(kinds z .mx)" = timeout
tap_check "what only fails when checked is bogus" test "$(kinds b .mx)" = bogus
tap_check "NXDOMAIN" test "$(kinds x .mx)" = nxdomain
tap_check "null MX" test "$(kinds n .mx)" = null
tap_check "implicit MX" test "$(kinds i .mx)" = implicit

# ---- as many addresses as may be asked for: eight for each hundred domains ----
world_up
ask some "$LAB_DIR/names" --address-asks 1600
ask again "$LAB_DIR/names" --address-asks 1600 --jobs 50
ask least "$LAB_DIR/names" --address-asks 1 --jobs 50
world_down
tap_check "at most 2.3 queries a domain, but for these" test "$(($(of least .dns.sent) * 10 / 20000))" -le 23
MORE=$(($(of again .dns.sent) - $(of least .dns.sent)))
tap_note "$MORE questions for 1,600 addresses, some of which luck had asked for"
tap_check "no more than may be asked for" test "$MORE" -ge 800 -a "$MORE" -le 1650
unasked() { jq -r 'select(.domain) | select(any(.hosts[]; .addresses_asked | not)) | '"$2" "$LAB_DIR/$1.all" | sort -u | paste -sd' '; }
tap_check "what was not asked for is unknown" test "$(unasked some .outcome)" = "fails unknown"
tap_check "by name" test "$(unasked some '.unsure | index("address-unasked") != null')" = true
tap_check "  and nothing else" test "$(jq -r 'select(.outcome == "unknown") | all(.hosts[]; .addresses_asked)' "$LAB_DIR/some.all" | sort -u)" = false
tap_check "and counted" test "$(of some '.addresses_unasked.domains')" = "$(unasked some .domain | wc -w)"
hosts_unasked() { jq -r '.hosts[]? | select(.addresses_asked | not) | .name' "$LAB_DIR/some.all" | sort -u | wc -l; }
tap_check "  hosts too" test "$(of some '.addresses_unasked.hosts')" = "$(hosts_unasked)"
tap_check "those of most domains go first: Google's and the hosting groups'" \
    test "$(unasked some '.domain | capture("-(?<kind>[a-z])").kind')" = "i m o s t"
tap_check "the same ones, however fast is asked" same "$LAB_DIR/again" "$LAB_DIR/some"
ask_text() { in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --mta none --domains-file "$LAB_DIR/clean" "$@" >"$LAB_DIR/text" 2>&1; }
awk -F'[d-]' '/-m\.com$/ && $2 % 135 && n++ < 1500' "$LAB_DIR/names" >"$LAB_DIR/clean"
world_up
STATUS=0 && ask_text --address-asks 10 || STATUS=$?
tap_check "nothing but addresses not asked for: exit 4" test "$STATUS" = 4
CLEAN=$(wc -l <"$LAB_DIR/clean")
tap_check "in words" grep -qE "^  addresses +not asked: $((CLEAN - 5)) of $CLEAN MX hosts, $((CLEAN - 5)) domains$" "$LAB_DIR/text"
tap_check "  with the remedy" grep -q 'do: --all-addresses' "$LAB_DIR/text"
STATUS=0 && ask_text --address-asks 10 --all-addresses || STATUS=$?
tap_check "all of them: exit 0" test "$STATUS" = 0
world_down

world_up
ask sample "$LAB_DIR/two-thousand"
ask slow "$LAB_DIR/two-thousand" --qps 1000
ask few "$LAB_DIR/two-thousand" --jobs 7
world_down
tap_check "no verdict differs at 1,000 queries a second" same "$LAB_DIR/slow" "$LAB_DIR/sample"
tap_check "nor with seven out at once" same "$LAB_DIR/few" "$LAB_DIR/sample"

world_up -l 5
ask lossy "$LAB_DIR/names"
world_down
tap_check "one in twenty was lost" grep -qE '^dropped [0-9]{4}' "$LAB_DIR/world.log"
tap_check "and no verdict differs" same "$LAB_DIR/lossy" "$LAB_DIR/full"
tap_done
