#!/usr/bin/env bash
# The account of runs with a real Postfix, and what the audit makes of the logs of a real Postfix and a
# real Exim: deliveries to the sink, and to hosts of the lab's internet after the tool was let go.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"

MESSAGES=160
mail_lab r
if ! why=$(pkg_need postfix unbound exim4-daemon-light exim4-base 2>&1); then
    tap_skip "Postfix, Exim and unbound" "cannot get the packages: $why"
    tap_done
    exit
fi
make -s -C "$REPO" BUILD="$BUILD" "$BUILD/tests/unit/act/driver_ledger" >&2 || die "no driver"

equal() { [[ $1 == "$2" ]] || { tap_note "wanted $2, got $1"; return 1; }; }
says() { grep -qF -- "$1" "$2" || { tap_note "no '$1' in: $(head -n 40 "$2")"; return 1; }; }

# keep_account NAME COMMAND...: the account of a command, in the host.
keep_account() {
    local name=$1
    shift
    in_ns "$H" "$BUILD/tests/unit/act/driver_ledger" "$LAB_DIR/$name.json" "$@" >"$LAB_DIR/$name.out" 2>&1 ||
        tap_note "$name: $(tail -n 3 "$LAB_DIR/$name.out")"
}
# report STATUS ARGUMENTS...: what it prints goes to $LAB_DIR/said; true when it ends so.
report() {
    local want=$1 status=0
    shift
    "$KR" report "$@" >"$LAB_DIR/said" 2>"$LAB_DIR/said.err" || status=$?
    ((status == want)) || { tap_note "ended with $status: $(cat "$LAB_DIR/said" "$LAB_DIR/said.err")"; return 1; }
}
is_in() { jq -e "$1" "$LAB_DIR/said" >/dev/null || { tap_note "not so: $1; $(jq -c '.audit // .balance' "$LAB_DIR/said")"; return 1; }; }

# load [OPTIONS]: kumo-gen through Postfix, then until the queue has nothing that is not deferred.
write_load() {
    cat >"$LAB_DIR/load" <<END
#!/bin/bash
set -u
"$BUILD/kumo-gen" --target 127.0.0.1:587 -n $MESSAGES -c 4 --domain-suffix '' --i-know --compat traffic-gen \\
    --seed 5 --keep-going $(mail_domains | sed 's/^/--domain /' | tr '\n' ' ')
for try in {1..600}; do # bounded: a minute
    find "$MTA_DIR"/queue/{maildrop,incoming,active} -type f | grep -q . || exit 0
    sleep 0.1
done
exit 1
END
    chmod 755 "$LAB_DIR/load"
}

sink_control() {
    in_ns "$H" "$KR_SINK" ctl "/run/kumo-redirect/$(stat -L -c %i "/run/netns/$H").sink.sock" "$@" >/dev/null
}
row() { jq -r --arg id "$1" '.balance.rows[] | select(.id == $id) | .is + ": " + .text' "$LAB_DIR/said"; }

# No connection may be older than the policy.
eval "$(declare -f mta_main | sed '1s/mta_main/mta_main_cached/')"
mta_main() { mta_main_cached | grep -v connection_cache; }

# ---- a run whose account is equal ----------------------------------------------------------------

balanced() {
    keep_account good "$LAB_DIR/load"
    tap_check "a run through Postfix: the account balances" report 0 --format json "$LAB_DIR/good.json"
    tap_check "every message is accounted for" equal "$(row messages)" \
        "holds: sent $MESSAGES = accepted $MESSAGES + refused 0 + 0 queued"
    tap_check "nothing met the sink but by the redirect" equal "$(row not-redirected)" "holds: 0"
    tap_check "the MTA is named" is_in '.mtas | any(test("Postfix"))'
    tap_check "the samples grow to the end" is_in \
        ".samples | (.accepted | last) == $MESSAGES and (.us | length) > 3 and (.us == (.us | sort))"
    tap_check "JSON is what its schema says" schema_fits
    tap_check "the audit finds every delivery at the sink" audit_good
}
schema_fits() {
    python3 - "$REPO/contrib/schema/run.schema.json" "$LAB_DIR/good.json" "$LAB_DIR/said" 2>"$LAB_DIR/schema.log" <<'END' ||
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
for path in sys.argv[2:]:
    jsonschema.validate(json.load(open(path)), schema)
END
        { tap_note "$(tail -n 5 "$LAB_DIR/schema.log")"; return 1; }
}
audit_good() {
    report 0 --format json --audit "$MTA_DIR/log" "$LAB_DIR/good.json" &&
        is_in ".audit | .at_sink == $MESSAGES and .findings == 0 and .unknowns == 0" && schema_fits
}

# A log that lost lines, or its end, is not a clean one.
damaged_logs() {
    grep -v 'to=<.*@gmail.com>' "$MTA_DIR/log" >"$LAB_DIR/holes"
    tap_check "a log that lacks deliveries is not whole" report 4 --audit "$LAB_DIR/holes" "$LAB_DIR/good.json"
    tap_check "and that is said" says "they are not whole" "$LAB_DIR/said"
    head -c -20 "$MTA_DIR/log" >"$LAB_DIR/cut"
    tap_check "a log that is cut off is not known" report 4 --audit "$LAB_DIR/cut" "$LAB_DIR/good.json"
    tap_check "a log that is not there is not known" report 4 --audit "$LAB_DIR/none" "$LAB_DIR/good.json"
}

# ---- with a policy: refusals, bounces, a queue ----------------------------------------------------

with_policy() {
    cat >"$LAB_DIR/policy.toml" <<'END'
[provider.gmail]
domains = "gmail.com"
bounce = 100
[provider.yahoo]
domains = "yahoo.com"
defer = 100
END
    sink_control policy load "$LAB_DIR/policy.toml"
    keep_account policy "$LAB_DIR/load"
    tap_check "with refusals and deferrals it balances, and is explained" report 0 --format json "$LAB_DIR/policy.json"
    tap_note "$(row messages)"
    tap_check "what is queued is what was deferred" is_in \
        '.facts.queue.known and .facts.queue.counts.after >= 5 and .providers.yahoo.messages_deferred >= 5'
    tap_check "the provider that refuses accepted nothing" is_in \
        '.providers.gmail | (.messages // 0) == 0 and .messages_refused >= 5'
}

formats() {
    tap_check "as text" report 0 "$LAB_DIR/policy.json"
    tap_check "text names the rate on this machine" says "million/hour accepted by the sink, on $(nproc) CPU" "$LAB_DIR/said"
    tap_check "as JUnit" report 0 --format junit "$LAB_DIR/policy.json"
    tap_check "which is XML" python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$LAB_DIR/said"
    tap_check "as TAP" report 0 --format tap "$LAB_DIR/policy.json"
    tap_check "with its plan" says "1..10" "$LAB_DIR/said"
    rm -f "$LAB_DIR/summary"
    GITHUB_STEP_SUMMARY=$LAB_DIR/summary tap_check "as GitHub annotations" report 0 --format github "$LAB_DIR/policy.json"
    tap_check "with a job summary" says "## kumo-redirect: the account balances" "$LAB_DIR/summary"
    tap_check "a record that is none is refused" report 4 "$LAB_DIR/policy.toml"
    tap_check "a record that is not there is wrong usage" report 2 "$LAB_DIR/nothing"
}

# ---- the page ------------------------------------------------------------------------------------

page() {
    local chromium line
    tap_check "as a page" report 0 --quiet --html "$LAB_DIR/page.html" "$LAB_DIR/policy.json"
    tap_check "without scripts, and nothing from elsewhere" page_is_alone "$LAB_DIR/page.html"
    for line in rate times load; do
        tap_check "it draws over time: $line" grep -qF "aria-labelledby=\"$line-t" "$LAB_DIR/page.html"
    done
    chromium=$(command -v chromium-headless-shell chromium | head -n 1) ||
        { tap_skip "screenshots" "no Chromium here: contrib/deps.sh test"; return; }
    mkdir "$LAB_DIR/shots"
    in_ns "$SHOT" python3 "$TESTS/net/shots.py" "$chromium" "$LAB_DIR/page.html" "$LAB_DIR/shots" >"$LAB_DIR/shots.log" 2>&1 ||
        tap_note "$(tail -n 5 "$LAB_DIR/shots.log")"
    for line in '1200 ok' '800 ok' '380 ok' 'dark ok' 'printed ok'; do
        tap_check "Chromium shows the page: ${line% ok}" says "$line" "$LAB_DIR/shots.log"
    done
}
page_is_alone() { ! grep -oiE '<script|<link|<img|@import|url\(|src=|href=|https?:' "$1" | head -n 3 | grep .; }

# ---- deliveries that did not end at the sink -----------------------------------------------------

# The tool is let go with mail deferred, and the lab's internet takes what comes: the positive control.
let_go() {
    local taken
    SIGNATURE=$(jq -r .signature "$LAB_DIR/good.json")
    REAL=$(real_log_end)
    in_ns "$H" "$KR" -q down --force || tap_note "down ended with $?"
    keep_account leak "$LAB_DIR/load"
    wait_for 20 mta_idle || tap_note "the queue is not empty"
    taken=$(mails_taken "$REAL" | wc -l)
    jq --slurpfile last "$LAB_DIR/leak.json" '.ended = $last[0].ended' "$LAB_DIR/good.json" >"$LAB_DIR/all.json"
    tap_check "the internet took mail" test "$taken" -ge "$MESSAGES"
    tap_check "the audit refuses" report 1 --format json --audit "$MTA_DIR/log" --audit-after 30 "$LAB_DIR/all.json"
    tap_check "it finds exactly the $taken messages that the internet took" is_in ".audit.findings == $taken"
    tap_check "and those of before at the sink" is_in ".audit.at_sink >= $MESSAGES and .audit.unknowns == 0"
    tap_check "each by the line of the log" finding_is_a_line
    tap_check "the run before is clean as it was" audit_good
    tap_check "without a signature nothing is judged" report 4 --audit "$MTA_DIR/log" "$LAB_DIR/leak.json"
    tap_check "with one it is" report 1 --audit "$MTA_DIR/log" --audit-after 30 --signature "$SIGNATURE" "$LAB_DIR/leak.json"
}
finding_is_a_line() {
    local where
    where=$(jq -r '.audit.rows[0].where' "$LAB_DIR/said")
    sed -n "${where##*:}p" "${where%:*}" | grep -q 'status=sent (2' || { tap_note "$where"; return 1; }
}

# ---- Exim ----------------------------------------------------------------------------------------

exim_etc() {
    { grep -v '^Debian-exim:' /etc/passwd; echo 'Debian-exim:x:2527:2527::/nonexistent:/usr/sbin/nologin'; } >"$ETC/passwd"
    { grep -v '^Debian-exim:' /etc/group; echo 'Debian-exim:x:2527:'; } >"$ETC/group"
    cat >"$ETC/exim.conf" <<END
exim_user = Debian-exim
primary_hostname = mta.load.example
spool_directory = $LAB_DIR/exim
log_file_path = $LAB_DIR/exim/%slog
never_users =
begin routers
away:
  driver = manualroute
  route_list = * $MX4
  transport = out
begin transports
out:
  driver = smtp
begin retry
* * F,1d,1h
END
    install -d -o 2527 "$LAB_DIR/exim"
}
exim_sends() {
    local to
    for to; do
        printf 'From: a@load.example\nSubject: x\n\nx\n' | in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/exim4 -C /etc/exim.conf \
            -odf -f a@load.example "$to" >>"$LAB_DIR/exim.out" 2>&1 || tap_note "$(tail -n 2 "$LAB_DIR/exim.out")"
    done
}
# The log's clock ticks in seconds, the two runs must not share one.
exim_account() {
    local log=$LAB_DIR/exim/mainlog
    export -f exim_sends in_ns tap_note
    exim_etc
    in_ns "$H" "$KR" -q up --lan none
    keep_account exim sleep 0.3
    exim_sends a@gmail.com b@yahoo.com c@aol.com
    in_ns "$H" "$KR" -q down --force
    jq --arg now "$(date -u +%FT%T.%3NZ)" '.ended = $now | .facts.sink.counts.recipients = 3' "$LAB_DIR/exim.json" >"$LAB_DIR/exim1.json"
    tap_check "Exim's log: three deliveries at the sink" report 4 --format json --audit "$log" "$LAB_DIR/exim1.json"
    tap_check "and none elsewhere" is_in '.audit | .at_sink == 3 and .findings == 0 and .unknowns == 0'
    exim_sends d@gmail.com e@yahoo.com
    jq --arg now "$(date -u +%FT%T.%3NZ)" '.ended = $now' "$LAB_DIR/exim1.json" >"$LAB_DIR/exim2.json"
    tap_check "two more without the tool" report 1 --format json --audit "$log" "$LAB_DIR/exim2.json"
    tap_check "are found elsewhere, with the host" is_in \
        ".audit | .at_sink == 3 and .findings == 2 and (.rows | all(.what | test(\"$MX4\")))"
}

lab_world
lab_host
SHOT=$LAB-shot
ns_add "$SHOT"
dns_start
in_ns "$H" "$KR" -q up --lan none || die "up failed"
mta_start
write_load
balanced
damaged_logs
with_policy
formats
page
let_go
mta_stop || true
exim_account
tap_done
