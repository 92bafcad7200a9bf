#!/bin/bash
# verify, explain and the evidence: what is said in each form, when it is safe and when not, and that
# what the probes call a leak is what a witness outside sees.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

lab_init v
lab_world
lab_host
witness_start
ANSWERS=$TESTS/net/answers.py
OUT=$LAB_DIR/out ERR=$LAB_DIR/err

# The LAN of the lab has a host that answers on port 25, and exempt-relay says so.
verify() {
    in_ns "$H" timeout 60 "$KR" verify --allow exempt-relay="the lab's own LAN host" "$@" >"$OUT" 2>"$ERR"
}
# ends STATUS ARGS...: verify ends so.
ends() {
    local want=$1 got=0
    shift
    verify "$@" || got=$?
    [[ $got == "$want" ]] || { tap_note "status $got, not $want: $(head -c 1500 "$OUT" "$ERR")"; return 1; }
}
# broken IDS: exactly these are broken, none is unknown.
verdicts() { jq -r '.checks[] | select(.advice or .waived | not) | select(.verdict == "'"$1"'") | .id' "$OUT" | sort | paste -sd' '; }
is_broken() {
    [[ $(verdicts broken) == "$1" && -z $(verdicts unknown) ]] ||
        { tap_note "broken: $(verdicts broken); unknown: $(verdicts unknown)"; return 1; }
}
valid() { "$ANSWERS" schema "$REPO/contrib/schema/$1.schema.json" "$2" >"$LAB_DIR/why" || { tap_note "$(cat "$LAB_DIR/why")"; return 1; }; }
record() { echo "/run/kumo-redirect/$(in_ns "$H" stat -Lc %i /proc/self/ns/net).evidence.json"; }
everything() {
    in_ns "$H" nft -s list ruleset
    ip -n "$H" rule
    ip -n "$H" route show table all
    ip -n "$H" -6 route show table all | grep -v '^multicast'
    ip -n "$H" -o link | sed 's/^[0-9]*: //'
    in_ns "$H" sysctl -a 2>/dev/null | grep -E '^net\.(ipv4|ipv6)\.(conf\.(all|default|up0)|ip_forward)'
}

# ---- nothing stands ------------------------------------------------------------------------------

everything >"$LAB_DIR/before"
witness_mark
FROM=$MARKS
tap_check "off is not safe" ends 1
tap_check "off is said" grep -q '^NOT SAFE: off' "$OUT"
witness_mark
tap_check "off: nothing is sent" test -z "$(witness_said "$FROM" "$MARKS")"
tap_check "off: no evidence" test ! -e "$(record)"
everything | diff "$LAB_DIR/before" - >"$LAB_DIR/why" && tap_ok "off: nothing changed" ||
    { tap_not_ok "off: nothing changed"; tap_note "$(cat "$LAB_DIR/why")"; }

# ---- it stands -----------------------------------------------------------------------------------

in_ns "$H" "$KR" up --format json >"$OUT"
tap_check "up's answer is valid" valid up "$OUT"
everything >"$LAB_DIR/before"
witness_mark
FROM=$MARKS
tap_check "safe" ends 0 -v
witness_mark
tap_check "safe: nothing to port 25 leaves by verify itself" test -z "$(witness_said "$FROM" "$MARKS")"
tap_check "safe: each negative had its control" test "$(grep -c 'tried, none left, each control did' "$OUT")" == 6
tap_check "safe: every source met the sink" grep -q 'probe: 6 of 6 met the sink' "$OUT"
everything | diff "$LAB_DIR/before" - >"$LAB_DIR/why" && tap_ok "safe: nothing changed" ||
    { tap_not_ok "safe: nothing changed"; tap_note "$(cat "$LAB_DIR/why")"; }
tap_check "evidence: there, for everybody to read" test "$(stat -c %a "$(record)")" == 644
tap_check "evidence: valid" valid evidence "$(record)"
tap_check "evidence: the hash is the plan's" "$ANSWERS" hash "$(record)"
tap_check "evidence: this generation" test "$(jq .generation "$(record)")" == \
    "$(in_ns "$H" "$KR" status --format json | jq .generation)"
tap_check "json" ends 0 --format json
tap_check "json: valid" valid verify "$OUT"
tap_check "tap" ends 0 --format tap
tap_check "tap: well-formed, nothing not ok" test "$("$ANSWERS" tap "$OUT")" == 0
tap_check "junit" ends 0 --format junit
tap_check "junit: well-formed, no failure" test "$("$ANSWERS" junit "$OUT")" == "0 0"
tap_check "github" ends 0 --format github
tap_check "github: no error" test "$(grep -c '^::error' "$OUT")" == 0
tap_check "static sends nothing" ends 0 --static --format json
tap_check "static has no active check" test "$(jq '[.checks[] | select(.phase == "active")] | length' "$OUT")" == 0
in_ns "$H" "$KR" status --format json >"$OUT"
tap_check "status' answer is valid" valid status "$OUT"
in_ns "$H" "$KR" features --format json >"$OUT" || true
tap_check "features' answer is valid" valid features "$OUT"

# ---- usage ---------------------------------------------------------------------------------------

tap_check "our own rules can't be waived" ends 2 --allow own-rules=because
tap_check "… and the error says where to read" grep -q "explain own-rules" "$ERR"
tap_check "an unknown waiver" ends 2 --allow own-rulez=because
tap_check "a waiver without a reason" ends 2 --allow probe-packet=
tap_check "--expect-rate that is no number" ends 2 --expect-rate many
tap_check "--format that is not for up" eval '! in_ns "$H" "$KR" up --format tap 2>"$ERR" && grep -q "text or json" "$ERR"'
tap_check "explain lists every check" test "$("$KR" explain | grep -c '^  [a-z]')" == "$("$KR" explain --format json | jq '.checks | length')"
"$KR" explain --format json >"$OUT"
tap_check "explain's answer is valid" valid explain "$OUT"
for id in $(jq -r '.checks[].id' "$OUT"); do
    "$KR" explain "$id" | grep -q "^$id: " || tap_not_ok "explain $id"
done
tap_check "explain: a near miss is named" eval '! "$KR" explain probe-conect 2>"$ERR" && grep -q "probe-connect" "$ERR"'
tap_check "not root" eval 'setpriv --reuid 65534 --clear-groups "$KR" verify 2>"$ERR"; [[ $? == 3 ]]'

# ---- what stands is changed ----------------------------------------------------------------------

in_ns "$H" nft delete rule inet kumo_redirect guard_output handle \
    "$(in_ns "$H" nft -a list chain inet kumo_redirect guard_output | sed -n 's/.*handle //p' | tail -n 1)"
tap_check "a rule less" ends 1 --static --format json
tap_check "a rule less: by its check" is_broken own-rules
tap_check "a rule less: github" ends 1 --static --format github
tap_check "a rule less: an annotation" grep -q '^::error title=kumo-redirect own-rules::' "$OUT"
tap_check "a rule less: tap" eval 'ends 1 --static --format tap && [[ $("$ANSWERS" tap "$OUT") == 1 ]]'
tap_check "a rule less: junit" eval 'ends 1 --static --format junit && [[ $("$ANSWERS" junit "$OUT") == "1 0" ]]'
tap_check "a rule less: the evidence says so" test "$(jq -r .verdict "$(record)")" == broken
in_ns "$H" "$KR" -q up
tap_check "evidence goes with a new state" test ! -e "$(record)"
tap_check "put right" ends 0 --static

# Each guard less shows in a probe, and what the probe calls a leak the witness has seen.
#   less NAME PROBES COMMAND...
less() {
    local name=$1 want=$2 said
    shift 2
    witness_mark
    FROM=$MARKS
    in_ns "$H" "$@"
    verify --format json || true
    witness_mark
    said=$(verdicts broken | tr ' ' '\n' | grep '^probe-' | grep -vx probe-sink | paste -sd' ')
    [[ $said == "$want" ]] && tap_ok "$name: $want" || { tap_not_ok "$name: $want"; tap_note "said: $said"; }
    while read -r destination; do
        witness_said "$FROM" "$MARKS" | grep -qF "$destination" ||
            { tap_not_ok "$name: the witness has seen $destination"; tap_note "$(witness_said "$FROM" "$MARKS")"; }
    done < <(jq -r '.checks[] | select(.id | startswith("probe-")) | .evidence[] | select(.detail == "a packet left")
        | .object | capture(" to (?<to>[^ ]+) port ").to' "$OUT")
    in_ns "$H" "$KR" -q up
}
less "without the fence" "probe-packet" nft delete table netdev kumo_redirect
less "without the inet table" "probe-device" nft delete table inet kumo_redirect
less "without any table" "probe-device probe-packet probe-raw" nft flush ruleset
less "with nothing at all" "probe-connect probe-device probe-forward probe-mark probe-packet probe-raw" \
    bash -c 'nft flush ruleset; ip rule del pref 25; ip -6 rule del pref 25'

# ---- a monitor that sees nothing -----------------------------------------------------------------

in_ns "$H" nft 'table inet strict { chain o { type filter hook output priority 0; tcp dport 443 drop; }; }'
tap_check "no control leaves: unknown" ends 4 --format json
tap_check "… and says which" test "$(verdicts unknown)" == "probe-connect probe-device probe-mark probe-raw"
in_ns "$H" nft delete table inet strict

# ---- rules that change all the time --------------------------------------------------------------

cat >"$LAB_DIR/change.sh" <<'END'
for ((i = 0; i < 1500; i++)); do
    nft "add table inet busy$i; delete table inet busy$i" || exit
done
END
spawn busy "$H" bash "$LAB_DIR/change.sh"
BUSY=$SPAWNED
wait_for 5 eval '(($(in_ns "$H" "$KR" status --format json | jq .generation) > 10))'
moving=0
verify --static --format json || moving=$?
[[ $moving == 4 && $(verdicts unknown) == *own-stable* || $moving == 0 ]] && tap_ok "under constant change: unknown or right" ||
    { tap_not_ok "under constant change: unknown or right"; tap_note "status $moving: $(head -c 1500 "$OUT")"; }
kill "$BUSY" 2>/dev/null || true
wait_for 5 eval '! kill -0 "$BUSY" 2>/dev/null'
tap_check "quiet again: safe" ends 0 --static

# ---- killed --------------------------------------------------------------------------------------

for ms in 10 60 120 180 240; do
    in_ns "$H" timeout -s KILL "0.$(printf %03d "$ms")" "$KR" verify >/dev/null 2>&1 || true
done
tap_check "killed: the namespace that packets were tried from is gone" wait_for 5 eval '! ip -n "$H" link show kumo-probe0 2>/dev/null'
tap_check "killed: what stands is untouched" ends 0 --static

in_ns "$H" "$KR" down --format json >"$OUT"
tap_check "down's answer is valid" valid down "$OUT"
tap_check "evidence goes with down" test ! -e "$(record)"
tap_done
