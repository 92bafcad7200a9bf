#!/usr/bin/env bash
# The story in two minutes: a real Postfix, a dozen domains, first behind the documented iptables
# line, then behind kumo-redirect. All of it happens in network namespaces of its own; "real" hosts
# are listeners in one of them, and the witness is a packet capture in front of them.
# Exit status: 0 when everything held, 1 when something did not, 3 when it can't be shown.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/attack.sh
. "$(dirname "$0")/attack.sh"
# shellcheck source=tests/net/columns.sh
. "$(dirname "$0")/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$(dirname "$0")/lib-postfix.sh"

N=200
OPEN="aol.com gmail.com outlook.com kernel.org posteo.de"
BAD=0 OLD=''
STARTED=$EPOCHSECONDS
BOLD='' RED='' GREEN='' DIM='' PLAIN='' COLOR=never
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' DIM=$'\e[2m' PLAIN=$'\e[0m' COLOR=always
fi

heading() { printf '\n%s%s%s\n\n' "$BOLD" "$*" "$PLAIN"; }
tell() { printf '  %s\n' "$*"; }
command_line() { printf '  %s$ %s%s\n' "$DIM" "$*" "$PLAIN"; }
quote() { sed 's/^/      /'; }
good() { printf '  %s%s%s\n' "$GREEN" "$*" "$PLAIN"; }
bad() { printf '  %s%s%s\n' "$RED" "$*" "$PLAIN"; }

# must WHAT COMMAND...: what has to hold for the story to be true.
must() {
    local what=$1
    shift
    if "$@"; then
        good "$what"
    else
        bad "NOT SO: $what"
        BAD=$((BAD + 1))
    fi
}

cannot() {
    echo "demo: $*" >&2
    exit 3
}

leaks() { witness_said "$1" "$MARKS" | grep -E '^(leak|sink) ' || true; }
mark() { witness_mark || cannot "the witness is dead, nothing can be shown"; }

# One line of the witness as a sentence: where to, by what, the words if there were any.
short() { sed -E 's/\.\."$/"/; s/^(leak|sink) in0 ([^ ]+) < ([^ ]+) flags=([^ ]+) .* data="(.*)"$/\2  from \3  flags \4  \5/'; }

everything() {
    in_ns "$H" nft list ruleset
    for family in -4 -6; do
        ip -n "$H" "$family" rule
        ip -n "$H" "$family" route show table all
    done
}

FIREWALL='flush ruleset
table inet fw { chain i { type filter hook input priority 0; ct state invalid drop; }; }'

# ---- mail ----------------------------------------------------------------------------------------

# Leaves connections to real hosts open: one of each of these domains, and one for the attack.
connections_before() {
    OLD=$1
    mta_inject 25 587 "$OPEN"
    wait_for 20 mta_idle || cannot "Postfix does not deliver: $(tail -n 3 "$MTA_DIR/log")"
    open_conn "$1" "$H" "$MX4" 25 || cannot "no connection to the lab's own host"
    lab_quiet || cannot "the connections do not come to rest"
}

# send PORT: the test mail; SENT and TAKEN are left behind: in Postfix's log, and at real hosts.
send() {
    local log real
    log=$(mta_log_end) real=$(real_log_end)
    mta_inject "$N" "$1"
    wait_for 30 mta_idle || tell "$(mta_queued) messages are still queued"
    mark
    SENT=$(mta_sent "$log")
    mails_taken "$real" >"$LAB_DIR/taken"
    TAKEN=$(wc -l <"$LAB_DIR/taken")
}

open_now() { in_ns "$H" ss -Htn state established 'dport = :25' | wc -l; }

# ---- attacks -------------------------------------------------------------------------------------

ATTACKS=(
    "plain_v6|a plain IPv6 connection"
    "open_before|words in a connection that was open before"
    "invalid|an INVALID packet of a redirected connection"
    "af_packet|AF_PACKET, past all of netfilter"
    "reload|firewall reload (nft flush ruleset)"
)

attack_plain_v6() { conn "$H" "$MX6" 25; }
attack_open_before() { say "$OLD" "send MAIL FROM:<a@b.test>"; }
attack_invalid() {
    open_conn redirected "$H" "$MX4" 25 || true
    raw "$H" -F PA -q 4000000000 -a 77 -t lost "$HOST4" "${CONN_PORT:-40007}" "$MX4" 25
}
attack_af_packet() { raw "$H" -V packet -d up0 -M "$IN0_MAC" "$HOST4" 4033 "$MX4" 25; }
attack_reload() {
    nft_in "$FIREWALL"
    conn "$H" "$MX4" 25
    conn "$H" "$MX6" 25
}

# attacks: each one, with the witness's verdict; OUT counts those that got out.
attacks() {
    local one from
    OUT=0
    for one in "${ATTACKS[@]}"; do
        mark
        from=$MARKS
        "attack_${one%%|*}"
        mark
        verdict "${one#*|}" "$(leaks "$from" | head -n 1)"
    done
}

verdict() {
    if [[ -n $2 ]]; then
        OUT=$((OUT + 1))
        printf '  %-46s %sLEAK%s  %s\n' "$1" "$RED" "$PLAIN" "$(short <<<"$2" | cut -c1-70)"
    else
        printf '  %-46s %snothing at the witness%s\n' "$1" "$GREEN" "$PLAIN"
    fi
}

# ---- the story -----------------------------------------------------------------------------------

stage() {
    heading "kumo-redirect, shown with a real Postfix"
    tell "A host, its LAN and an internet are built out of network namespaces; nothing leaves this"
    tell "machine. In that internet every address is a mail host that takes mail, a DNS server knows"
    tell "$(mail_domains | wc -l) domains, and a witness captures what comes in for port 25."
    pkg_need postfix unbound || cannot "Debian's packages postfix and unbound can't be fetched"
    mail_lab d
    lab_world
    witness_start
    lab_host
    dns_start
    mta_start
    nft_in "$FIREWALL"
    tell "Ready after $((EPOCHSECONDS - STARTED)) s: Postfix $(postfix_version), unbound as its resolver."
}

postfix_version() { in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/postconf -h mail_version; }

# The first line with words in it to an IPv6 host, the same for IPv4, and the first SYN.
samples() {
    grep -m 1 -E '^leak in0 [0-9a-f]+:[0-9a-f:]+ .*data="RCPT' "$1" || true
    grep -m 1 -E '^leak in0 [0-9]+\.[0-9.]+:25 .*data="RCPT' "$1" || true
    grep -m 1 -E ' flags=S ' "$1" || true
}

act_line() {
    local from
    heading "1. The documented iptables line"
    connections_before before-line
    tell "Postfix has just mailed some of these domains and keeps $(open_now) connections open."
    command_line "iptables -t nat -A OUTPUT -p tcp ! -d 192.168.1.0/24 --dport 25 \\"
    command_line "    -j DNAT --to-destination 127.0.0.1:2026"
    protect_line
    RIVAL=$SPAWNED
    from=$MARKS
    send 587
    leaks "$from" >"$LAB_DIR/line-leaks"
    tell "$N test messages are sent. Postfix reports $SENT delivered, and nobody would notice."
    LINE_TAKEN=$TAKEN
    bad "LEAKED: $TAKEN of them went to \"real\" mail hosts: $(grep -c : "$LAB_DIR/taken" || true) over IPv6,"
    bad "        $(grep -vc : "$LAB_DIR/taken" || true) over IPv4 in connections that were open before the rule."
    tell "The witness saw, among $(wc -l <"$LAB_DIR/line-leaks") packets:"
    samples "$LAB_DIR/line-leaks" | short | quote
    tell "Five ways out, tried one by one:"
    attacks
    LINE_OUT=$OUT
    in_ns "$H" nft flush ruleset
    kill "$RIVAL"
    must "(the oracle works: it saw the line leak, mail and attacks)" \
        [ "$LINE_TAKEN" -gt 0 -a "$LINE_OUT" -gt 2 -a -s "$LAB_DIR/line-leaks" ]
}

act_redirect() {
    heading "2. kumo-redirect up"
    nft_in "$FIREWALL"
    connections_before before-up
    everything >"$LAB_DIR/before"
    FROM=$MARKS
    tell "Again Postfix keeps $(open_now) connections to real hosts open."
    command_line "kumo-redirect up"
    must "up: done" shown up
    send 25
    must "The same $N messages, handed to 127.0.0.1:25 this time: Postfix reports $SENT delivered." \
        [ "$SENT" == "$N" ]
    must "At real mail hosts: $TAKEN messages." [ "$TAKEN" == 0 ]
    leaks "$FROM" >"$LAB_DIR/leaks"
    must "At the witness: $(wc -l <"$LAB_DIR/leaks") packets, from before up until now." \
        [ ! -s "$LAB_DIR/leaks" ]
    must "The sink answers with its account." sink_asked # now: the attacks will talk to it too
    tell "The same five ways out:"
    attacks
    must "Attacks that got out: $OUT of ${#ATTACKS[@]}." [ "$OUT" == 0 ]
}

sink_asked() {
    kr_sink_stats >"$LAB_DIR/stats.json" 2>"$LAB_DIR/stats.err" && return
    echo '{"messages": 0, "destinations": {}}' >"$LAB_DIR/stats.json"
    return 1
}

shown() { in_ns "$H" "$KR" --color "$COLOR" "$@" 2>&1 | quote; }

# The account as lines for people: messages, domain, real destination. Fails if it does not add up.
account() {
    mail_world >"$LAB_DIR/world"
    python3 - "$LAB_DIR/world" "$LAB_DIR/stats.json" <<'END'
import json, sys
owner = {a: r[0] for r in map(str.split, open(sys.argv[1])) for a in r[3:]}
account = json.load(open(sys.argv[2]))
taken = {a: c["messages"] for a, c in account["destinations"].items() if c["messages"]}
for a, n in sorted(taken.items(), key=lambda x: (owner.get(x[0], "?"), x[0])):
    print("%4d  %-14s %s" % (n, owner.get(a, "UNKNOWN"), a))
sys.exit(account["messages"] != sum(taken.values()) or not taken or not set(taken) <= set(owner))
END
}

act_account() {
    local sunk total
    heading "3. The account"
    sunk=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["messages"])' "$LAB_DIR/stats.json")
    leaks "$FROM" >"$LAB_DIR/leaks"
    total=$(wc -l <"$LAB_DIR/leaks")
    must "sent $N = taken by the sink $sunk; packets at the witness $total, attacks included" \
        [ "$N/0" == "$sunk/$total" ]
    SUNK=$sunk
    tell "Whom the sink's messages were really for, by its own account:"
    account >"$LAB_DIR/account" || touch "$LAB_DIR/odd"
    quote <"$LAB_DIR/account"
    must "Each is an exchanger of its domain, and they add up." [ ! -e "$LAB_DIR/odd" ]
}

act_down() {
    heading "4. kumo-redirect down"
    command_line "kumo-redirect down"
    must "down: done" shown down
    everything >"$LAB_DIR/after"
    must "Rules, policy routing and routes are byte for byte as they were found." \
        diff "$LAB_DIR/before" "$LAB_DIR/after"
}

summary() {
    local text
    text="kumo-redirect: $SUNK of $N messages at the sink, $OUT of ${#ATTACKS[@]} attacks got out."
    text+=" The documented line: $LINE_TAKEN of $N leaked, $LINE_OUT of ${#ATTACKS[@]} got out."
    text+=" $((EPOCHSECONDS - STARTED)) s."
    echo
    ((BAD == 0)) && good "HELD. $text" && return
    bad "DID NOT HOLD ($BAD times). $text"
    return 1
}

((EUID == 0)) || cannot "network namespaces need root: sudo make demo"
stage
act_line
act_redirect
act_account
act_down
summary
