#!/usr/bin/env bash
# What is cut, what stays, and that the cut itself says nothing to anybody: kr/cut.h in a lab of
# namespaces. The witness in the internet's namespace is the oracle; it is first seen to see the RST
# of a cut without guards.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
make -s -C "$REPO" BUILD="$BUILD" "$BUILD/tests/unit/act/driver_cut" >&2 || die "no driver"
DRIVER=$BUILD/tests/unit/act/driver_cut
SINK4=198.18.25.1 SINK_NET4=198.18.25.0/24
MANY=20000
KEEP=(-k 127.0.0.0/8 -k ::1 -k "$HOST4" -k "$HOST6" -k "$HOST_LAN4" -k "$LAN_NET4" -k "$LAN_NET6"
    -k "$SINK_NET4")

cut() {
    in_ns "$H" "$DRIVER" "$1" "${@:2}" "${KEEP[@]}" -s "$SINK_NET4"
}

nft_in() { in_ns "$H" nft "$1"; }
track() { nft_in "table inet track { chain c { type filter hook output priority 0; ct state new; }; }"; }
guard() {
    nft_in "table inet guard { chain c { type filter hook postrouting priority 2147483647;
        ip daddr { $LAN_NET4, $SINK_NET4 } accept; ip6 daddr $LAN_NET6 accept
        meta l4proto tcp th dport { 24, 25 } counter drop; }; }"
}
redirect() {
    ip -n "$H" route add local "$SINK_NET4" dev lo
    spawn_ready sink "$H" "$TOOLS/sockd" -n sink -p 2026 -p 2222
    nft_in "table inet nat { chain c { type nat hook output priority -199;
        ip daddr != $LAN_NET4 tcp dport 25 dnat ip to $SINK4:2026; }; }"
}
entries() { in_ns "$H" conntrack -L -p tcp "$@" 2>/dev/null; }
insert() { in_ns "$H" conntrack -I -p tcp --state ESTABLISHED --timeout 600 "$@" >/dev/null 2>&1; }

# ---- connections that stay -----------------------------------------------------------------------

declare -A CONN=()

# conn NAME ARGS...: opens one from the host and reads the banner; conn_port NAME says its port.
conn() {
    local name=$1 fd
    shift
    rm -f "$LAB_DIR/$name".{in,log}
    mkfifo "$LAB_DIR/$name.in"
    exec {fd}<>"$LAB_DIR/$name.in"
    CONN[$name]=$fd
    spawn "$name" "$H" "$TOOLS/tcpconn" -i -w 1000 "$@" <&"$fd"
    await_line "$LAB_DIR/$name.log" '^(connected|error)' || true
}
conn_port() { sed -nE 's/^connected .*:([0-9]+)$/\1/p' "$LAB_DIR/$1.log"; }

# ask NAME WORDS...: what the connection answers to that.
ask() {
    local log=$LAB_DIR/$1.log lines
    lines=$(wc -l <"$log")
    echo "${*:2}" >&"${CONN[$1]}"
    await_line "$log" '^(sent|error|recv|fin)' "$((lines + 1))" || true
    tail -n "+$((lines + 1))" "$log"
}
greeted() { [[ $(ask "$1" recv) == "recv 220 $2 ESMTP" ]]; }
aborted() { [[ $(ask "$1" recv) == "error recv: Software caused connection abort" ]]; }
works() { ask "$1" send NOOP >/dev/null && [[ $(ask "$1" recv) == "recv 250"* ]]; }

# ---- the oracle ----------------------------------------------------------------------------------

mark() { witness_mark || die "the witness is dead or lost frames"; }

# seen FROM REGEX, unseen FROM: what came to the outside since mark FROM.
seen() { mark && witness_said "$1" "$MARKS" | grep -qE "$2"; }
unseen() {
    local said
    mark
    said=$(witness_said "$1" "$MARKS" | grep '^leak' || true)
    [[ -z $said ]] || { tap_note "$said"; return 1; }
}

# counts "sockets=3 entries=2 ...": the driver's line begins so.
counts() {
    [[ $OUT == "$1"* ]] || { tap_note "driver said: $OUT"; return 1; }
}

new_host() {
    lab_host_gone
    CONN=()
    lab_host
}

# ---- the tests -----------------------------------------------------------------------------------

positive_control() {
    lab_host
    conn c4 "$MX4" 25
    tap_check "control: a connection to the real MX is greeted by it" greeted c4 real-mx
    mark
    from=$MARKS
    OUT=$(cut flows -p 25)
    tap_check "control: a cut without guards destroys it" counts "sockets=1 "
    tap_check "control: and its RST is seen outside" seen "$from" "^leak .*$MX4:25 .*flags=.*R"
}

# Connections of each kind, opened before anything of ours; with and without conntrack.
older_connections() {
    local c n=0
    new_host
    [[ $1 == on ]] && { track; n=3; }
    conn c4 "$MX4" 25
    conn c6 "$MX6" 25
    conn mapped -m "$MX4B" 25
    conn lan4 "$LAN4" 25
    conn lan6 "$LAN6" 25
    for c in c4 c6 mapped; do greeted $c real-mx || die "$c is not connected"; done
    for c in lan4 lan6; do greeted $c lan-smtp || die "$c is not connected"; done
    guard
    mark
    from=$MARKS
    OUT=$(cut flows -p 25)
    tap_check "conntrack $1: three sockets and $n entries are cut" counts "sockets=3 entries=$n "
    for c in c4 c6 mapped; do
        tap_check "conntrack $1: $c ends with ECONNABORTED here" aborted $c
    done
    tap_check "conntrack $1: a LAN connection goes on (IPv4)" works lan4
    tap_check "conntrack $1: a LAN connection goes on (IPv6)" works lan6
    tap_check "conntrack $1: no packet to port 25 was seen outside" unseen "$from"
    OUT=$(cut flows -p 25)
    tap_check "conntrack $1: nothing is left to cut" counts "sockets=0 entries=0 "
    [[ $1 == off ]] || tap_check "conntrack $1: the entries of the LAN stay" lan_entries_stay
}

lan_entries_stay() {
    entries -d "$LAN4" --dport 25 | grep -q . && entries -f ipv6 -d "$LAN6" --dport 25 | grep -q .
}

# The server speaks first after a deletion: its entry is made again, in reverse.
reversed_entry() {
    new_host
    track
    conn c4 "$MX4" 24
    in_ns "$H" conntrack -D -p tcp --dport 24 >/dev/null 2>&1 || die "no entry to delete"
    kill -USR1 "$QUIET_MX"
    tap_check "control: after a deletion the server's word makes a reversed entry" \
        wait_for 2 reversed
    guard
    mark
    from=$MARKS
    OUT=$(cut flows -p 24)
    tap_check "the reversed entry and its socket are cut" counts "sockets=1 entries=1 "
    tap_check "no entry with port 24 is left" test -z "$(entries | grep -E 'port=24 ' || true)"
    tap_check "nothing was seen outside" unseen "$from"
}
reversed() { entries | grep -qE "src=$MX4 dst=$HOST4 sport=24 "; }

# An entry for each place a guarded port can have, and some that only look like one.
entries_by_hand() {
    new_host
    track
    guard
    insert -s 10.1.1.1 -d "$MX4" --sport 1001 --dport 25
    insert -s "$MX4" -d 10.1.1.1 --sport 25 --dport 1002
    insert -s 10.1.1.1 -d 10.9.9.9 --sport 1003 --dport 2525 -r "$MX4" -q 10.1.1.1 \
        --reply-port-src 25 --reply-port-dst 1003
    insert -s 10.1.1.1 -d "$MX4" --sport 1004 --dport 25 -w 7
    insert -s 10.1.1.1 -d "$MX4" --sport 1005 --dport 25 --orig-zone 9
    insert -s 2001:db8:5::1 -d "$MX6" --sport 1006 --dport 25
    insert -s 10.1.1.1 -d "$LAN4" --sport 2001 --dport 25
    insert -s "$LAN4" -d 10.1.1.1 --sport 25 --dport 2002
    insert -s 10.1.1.1 -d "$MX4" --sport 2003 --dport 25 -r "$SINK4" -q 10.1.1.1 \
        --reply-port-src 2026 --reply-port-dst 2003
    insert -s 10.1.1.1 -d "$MX4" --sport 2004 --dport 2525
    OUT=$(cut flows -p 25)
    tap_check "entries with port 25 in any tuple and zone go, of both families" \
        counts "sockets=0 entries=6 "
    tap_check "those of the LAN, of the sink and of other ports stay" \
        test "$(entries | grep -oE 'port=(100[0-9]|200[0-9])' | sort -u | tr '\n' ' ')" = \
        "port=2001 port=2002 port=2003 port=2004 "
}

redirected_flows() {
    new_host
    redirect
    guard
    conn redirected "$MX4" 25
    tap_check "control: a redirected connection is greeted by the sink" greeted redirected sink
    conn other "$SINK4" 2222
    greeted other sink || die "no other connection to the sink's address"
    OUT=$(cut flows -p 25)
    tap_check "what is redirected already is left alone" counts "sockets=0 entries=0 "
    tap_check "and goes on" works redirected
    mark
    from=$MARKS
    OUT=$(cut redirected -p 25)
    tap_check "at the end it is cut, with its entry" counts "sockets=1 entries=1 "
    tap_check "its owner reads ECONNABORTED" aborted redirected
    tap_check "other business with the sink's host goes on" works other
    tap_check "with its entry" test -n "$(entries | grep -E 'dport=2222' || true)"
    tap_check "nothing was seen outside" unseen "$from"
}

# A redirected connection whose entry is lost must not wake up when redirect and guards are gone.
lost_entry() {
    new_host
    redirect
    guard
    conn lost "$MX4" 25
    greeted lost sink || die "not redirected"
    in_ns "$H" conntrack -F >/dev/null 2>&1
    nft_in "delete table inet nat"
    cut redirected -p 25 >/dev/null
    nft_in "delete table inet guard"
    mark
    from=$MARKS
    ask lost send QUIT >/dev/null
    tap_check "a redirected connection without an entry sends nothing later" unseen "$from"
}

# What has nothing to do with it stays, and is no burden.
hold() {
    local k
    for k in 1 2; do
        rm -f "$LAB_DIR/hold$k.in"
        mkfifo "$LAB_DIR/hold$k.in"
        exec {HOLD}<>"$LAB_DIR/hold$k.in"
        spawn "hold$k" "$H" "$DRIVER" hold $((MANY / 4)) <&"$HOLD"
        HOLDERS[k]=$HOLD
    done
    for k in 1 2; do
        await_line "$LAB_DIR/hold$k.log" ready 1 30 || die "$(cat "$LAB_DIR/hold$k.log")"
    done
}
all_alive() {
    local k
    for k in 1 2; do echo end >&"${HOLDERS[k]}"; done
    for k in 1 2; do await_line "$LAB_DIR/hold$k.log" "^alive $((MANY / 4))\$" 1 10 || return 1; done
}

bystanders() {
    local n us
    HOLDERS=()
    new_host
    track
    hold
    for ((n = 0; n < MANY / 2; n++)); do
        echo "-A -p tcp -s 10.0.$((n >> 8)).$((n & 255)) -d 10.200.0.1 --sport 999 --dport 80" \
            "--state ESTABLISHED --timeout 600"
    done >"$LAB_DIR/load"
    in_ns "$H" conntrack -R "$LAB_DIR/load" >/dev/null 2>&1
    n=$(in_ns "$H" sysctl -n net.netfilter.nf_conntrack_count)
    conn c4 "$MX4" 25
    greeted c4 real-mx || die "not connected"
    guard
    OUT=$(cut flows -p 25)
    us=${OUT##*us=}
    tap_check "one connection is cut among $MANY sockets and $n entries ($us us)" \
        counts "sockets=1 entries=1 "
    tap_check "no other entry is gone" test \
        "$(in_ns "$H" sysctl -n net.netfilter.nf_conntrack_count)" -ge "$n"
    tap_check "the cut takes less than a second" test "$us" -lt 1000000
    tap_check "each of the other sockets carries data" all_alive
}

lab_init -cut
lab_world
spawn_ready quiet-mx "$I" "$TOOLS/sockd" -n quiet-mx -p 24 -q
QUIET_MX=$SPAWNED
witness_start
positive_control
older_connections off
older_connections on
reversed_entry
entries_by_hand
redirected_flows
lost_entry
bystanders
tap_done
