#!/usr/bin/env bash
# A real Postfix that keeps connections to real hosts open when the redirect comes: 200 messages
# against the documented iptables line, which must be seen to leak over IPv6 and in those connections,
# and against kumo-redirect, which must account for each message of each domain.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/columns.sh
. "$(dirname "$0")/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$(dirname "$0")/lib-postfix.sh"

N=200
OPEN="aol.com gmail.com outlook.com kernel.org posteo.de" # mailed before, so connections are open

kr() { in_ns "$H" "$KR" "$@"; }

everything() {
    in_ns "$H" nft list ruleset
    for family in -4 -6; do
        ip -n "$H" "$family" rule
        ip -n "$H" "$family" route show table all
    done
}

all_sent() { # FROM-LINE: the queue is empty, and it is because all were delivered
    wait_for 30 mta_idle || { tap_note "$(mta_queued) still queued; $(tail -n 5 "$MTA_DIR/log")"; return 1; }
    [[ $(mta_sent "$1") == "$N" ]] || { tap_note "$(mta_sent "$1") sent"; return 1; }
}

# Real mail to real hosts: what is there before any redirect, and leaves connections open.
mail_before() {
    mta_inject 25 587 "$OPEN"
    wait_for 20 mta_idle || die "Postfix does not deliver: $(tail -n 5 "$MTA_DIR/log")"
    lab_quiet || die "the connections do not come to rest"
}

opened_before() { # connections of Postfix to port 25 that stand right now
    in_ns "$H" ss -Htn state established 'dport = :25' | wc -l
}

leaks() { witness_said "$1" "$MARKS" | grep -E '^(leak|sink) ' || true; }

# ---- the documented line -------------------------------------------------------------------------

test_line() {
    local from log real
    mail_before
    tap_check "Postfix keeps connections to real hosts open ($(opened_before))" [ "$(opened_before)" -gt 0 ]
    protect_line
    RIVAL=$SPAWNED
    from=$MARKS log=$(mta_log_end) real=$(real_log_end)
    mta_inject "$N" 587
    tap_check "the documented line: Postfix thinks all $N are delivered" all_sent "$log"
    witness_mark || die "the witness is dead"
    mails_taken "$real" >"$LAB_DIR/taken"
    leaks "$from" >"$LAB_DIR/leaks"
    tap_check "control: IPv6 hosts took mail ($(grep -c : "$LAB_DIR/taken"))" grep -q : "$LAB_DIR/taken"
    tap_check "control: IPv4 hosts took mail in connections that were open before ($(grep -vc : "$LAB_DIR/taken"))" \
        grep -qv : "$LAB_DIR/taken"
    tap_check "control: the witness saw the IPv6 leak" grep -qE '^leak in0 (2001|2[64a][0-9a-f]*):' "$LAB_DIR/leaks"
    tap_check "control: the witness saw the IPv4 leak" grep -qE '^leak in0 [0-9]+\.' "$LAB_DIR/leaks"
    tap_note "the line let $(wc -l <"$LAB_DIR/taken") of $N messages through to real hosts"
    unprotect_line "$RIVAL"
}

# ---- kumo-redirect -------------------------------------------------------------------------------

# Every domain got exactly the messages addressed to it, at addresses of its own exchangers.
account_holds() {
    { mail_world; echo; cat "$1"; } >"$LAB_DIR/account-in"
    python3 - "$N" "$LAB_DIR/account-in" <<'END'
import json, sys
PROBED = "192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"
n, text = int(sys.argv[1]), open(sys.argv[2]).read()
world, account = text.split("\n\n", 1)
account = json.loads(account)
account = account.get("sink", account)
owner = {a: r[0] for r in map(str.split, world.split("\n")) for a in r[3:]}
domains = sorted(set(owner.values()))
want = {d: n // len(domains) + (i < n % len(domains)) for i, d in enumerate(domains)}
got = dict.fromkeys(domains, 0)
for address, counts in account["destinations"].items():
    if counts["messages"] == 0 and address.startswith(PROBED): # by up
        continue
    assert address in owner, "%s is no exchanger of any domain" % address
    got[owner[address]] += counts["messages"]
assert account["messages"] == n, account["messages"]
assert not any(account["destinations_other"].values()), account
assert got == want, (got, want)
END
}

kr_down() { kr down --format json >"$LAB_DIR/down.json"; }

test_redirect() {
    local from log real
    mail_before
    from=$MARKS
    everything >"$LAB_DIR/before"
    tap_check "up, with $(opened_before) connections to real hosts open" kr up --quiet
    log=$(mta_log_end) real=$(real_log_end)
    mta_inject "$N" 25
    tap_check "with kumo-redirect, handed to 127.0.0.1:25: all $N are delivered" all_sent "$log"
    witness_mark || die "the witness is dead"
    leaks "$from" >"$LAB_DIR/leaks"
    tap_check "the witness saw nothing" diff /dev/null "$LAB_DIR/leaks"
    tap_check "no real host took any mail" [ -z "$(mails_taken "$real")" ]
    kr_sink_stats >"$LAB_DIR/stats.json"
    tap_check "the sink accounts for each message, by its real destination" account_holds "$LAB_DIR/stats.json"
    tap_check "down" kr_down
    tap_check "down says the same" account_holds "$LAB_DIR/down.json"
    everything >"$LAB_DIR/after"
    tap_check "nft, ip rule and ip route are byte for byte as before" diff "$LAB_DIR/before" "$LAB_DIR/after"
}

test_after() {
    local real
    real=$(real_log_end)
    mta_inject 13 587
    tap_check "afterwards mail goes to real hosts again" wait_for 10 mta_idle
    tap_check "13 of 13" [ "$(mails_taken "$real" | wc -l)" == 13 ]
}

if ! pkg_need postfix unbound; then
    tap_skip "Postfix against the line and kumo-redirect" "postfix and unbound can't be fetched"
    tap_done
    exit
fi
mail_lab p
lab_world
witness_start
lab_host
dns_start
mta_start
# Like any host with a stateful firewall: conntrack knows the connections that are open.
nft_in 'add table inet fw { chain i { type filter hook input priority 0; ct state invalid drop; }; }'
test_line
test_redirect
test_after
tap_done
