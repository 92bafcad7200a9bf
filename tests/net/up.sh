#!/usr/bin/env bash
# up, status and down as an operator meets them: what they install, what they say, what they leave.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

kr() { in_ns "$H" "$KR" "$@"; }

everything() {
    in_ns "$H" nft list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+/-/'
    for family in -4 -6; do
        ip -n "$H" "$family" rule
        ip -n "$H" "$family" route show table all
    done
    ip -n "$H" -br link | awk '{print $1}'
    in_ns "$H" sysctl -a 2>/dev/null | grep -E '^net\.(ipv4|ipv6)\.conf\.(all|default|up0|lan0|lo)\.' | sort
}

foreign_tables() {
    in_ns "$H" nft -f - <<'END'
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state established,related accept
	}
	chain nat_OUTPUT {
		type nat hook output priority -90; policy accept;
	}
}
END
    in_ns "$H" iptables -t nat -N DOCKER
    in_ns "$H" iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
    in_ns "$H" iptables -t nat -A POSTROUTING -s 172.30.0.0/24 ! -o br0 -j MASQUERADE
    in_ns "$H" iptables-legacy -A OUTPUT -p tcp --dport 9 -j ACCEPT
}

# status WANTED-EXIT ARGS...
status_is() {
    local want=$1 got=0
    kr status --quiet || got=$?
    [[ $got == "$want" ]]
}

fails() {
    local want=$1 got=0
    shift
    "$@" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || got=$?
    [[ $got == "$want" ]] || { tap_note "exit $got instead of $want: $(cat "$LAB_DIR/err")"; return 1; }
}

says() { grep -qF -- "$1" "$LAB_DIR/err" || { tap_note "$(cat "$LAB_DIR/err")"; return 1; }; }

served() { in_ns "$H" "$TOOLS/tcpconn" -w 2000 "$1" 25 | grep -q 'kumo-sink'; }
unseen() { # FROM: the witnesses saw nothing since that mark
    witness_mark && ! witness_said "$1" "$MARKS" | grep -E '^(leak|sink) '
}

seen_both() {
    witness_mark || return
    [[ $(witness_said "$1" "$MARKS" | grep -cE '^sink ') -ge 2 ]]
}

# ---- up and down ---------------------------------------------------------------------------------

test_cycle() {
    foreign_tables
    everything >"$LAB_DIR/before"
    tap_check "up exits 0" kr up --quiet
    tap_check "status exits 0" status_is 0
    tap_check "IPv4 meets the sink" served "$MX4"
    tap_check "IPv6 meets the sink" served "$MX6"
    kr status --format json >"$LAB_DIR/status.json"
    tap_check "status in JSON names the mode and counts both families" python3 - "$LAB_DIR/status.json" <<'END'
import json, sys
s = json.load(open(sys.argv[1]))
assert s["schema"] == "kumo-redirect/status/1" and s["mode"] == "redirect" and s["in_force"]
assert s["counters"]["redirected_v4"] > 0 and s["counters"]["redirected_v6"] > 0
assert {u["device"] for u in s["plan"]["uplinks"]} >= {"up0"} and s["problems"] == []
END
    in_ns "$H" nft list ruleset >"$LAB_DIR/first"
    tap_check "up again changes nothing" kr up --quiet
    kr up >"$LAB_DIR/again"
    tap_check "and says so" grep -q 'nothing changed' "$LAB_DIR/again"
    tap_check "down exits 0" kr down --quiet
    everything >"$LAB_DIR/after"
    tap_check "rules, routes, links and sysctls are byte for byte as before" \
        diff "$LAB_DIR/before" "$LAB_DIR/after"
    tap_check "status is off and exits 1" status_is 1
    tap_check "down again is fine" kr down --quiet
    tap_check "no sink is left" no_sink
}

no_sink() { wait_for 3 sinkless; }
sinkless() {
    local pid
    for pid in $(ip netns pids "$H"); do
        ! grep -qs '^kumo-sink' "/proc/$pid/comm" || return 1
    done
}

# ---- the text is what is installed ---------------------------------------------------------------

listing() {
    in_ns "$1" nft list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+/packets 0 bytes 0/'
    # Sets come in the order of their hash; the bytecode is what matters.
    in_ns "$1" nft --debug=netlink list ruleset | grep -E '^ +(\[|element|userdata)|^(inet|netdev) ' |
        sed -E 's/^((inet|netdev) [^ ]+ [^ ]+) [0-9 ]+$/\1/; s/__(map|set)[0-9]+/__\1/' | sort
}

canonical_host() {
    ns_add "$LAB-canon"
    ip -n "$LAB-canon" -batch - <<'END'
link add eth0 type veth peer name peer0
link set eth0 up
link set peer0 up
addr add 192.168.1.10/24 dev eth0
addr add fd00:25::10/64 dev eth0 nodad
route add default via 192.168.1.1
route add default via fd00:25::1
END
}

test_text() {
    local mode args ns=$LAB-canon
    canonical_host
    for mode in redirect redirect-forward block; do
        args=()
        [[ $mode == redirect-forward ]] && args=(--forward redirect)
        [[ $mode == block ]] && args=(--block)
        in_ns "$ns" "$KR" up --dry-run "${args[@]}" | sed '/^# iproute2/,$d' >"$LAB_DIR/$mode.nft"
        [[ -z ${UPDATE:-} ]] || cp "$LAB_DIR/$mode.nft" "$REPO/rules/$mode.nft"
        tap_check "rules/$mode.nft is what --dry-run prints" \
            diff "$REPO/rules/$mode.nft" "$LAB_DIR/$mode.nft"
        in_ns "$ns" "$KR" -q up "${args[@]}"
        listing "$ns" >"$LAB_DIR/ours"
        in_ns "$ns" "$KR" -q down
        in_ns "$ns" nft -f "$REPO/rules/$mode.nft"
        listing "$ns" >"$LAB_DIR/theirs"
        in_ns "$ns" nft flush ruleset
        tap_check "what is installed for $mode is what nft -f makes of it" \
            diff "$LAB_DIR/ours" "$LAB_DIR/theirs"
    done
    ns_remove "$ns"
}

# ---- tampering is seen ---------------------------------------------------------------------------

tampers() {
    cat <<END
a rule inserted|nft insert rule inet kumo_redirect guard_output accept
a rule added|nft add rule inet kumo_redirect redirect_output accept
a set element added|nft add element inet kumo_redirect lan4 { 203.0.113.0/24 . "up0" }
a port removed|nft delete element inet kumo_redirect guard_ports { 25 }
a table made dormant|nft add table inet kumo_redirect { flags dormant ; }
a policy changed|nft chain netdev kumo_redirect egress_up0 { policy accept ; }
a chain flushed|nft flush chain inet kumo_redirect guard_postrouting
the fence deleted|nft delete table netdev kumo_redirect
the ruleset flushed|nft flush ruleset
the rule deleted|ip rule del pref 25
a rule put ahead|ip rule add pref 7 lookup main
the hole's route deleted|ip route del default dev kumo-hole0 table 2525
the hole down|ip link set kumo-hole0 down
the hole deleted|ip link del kumo-hole0
the sink range not local|ip route del local 198.18.25.0/24 dev lo table local
END
}

test_tampers() {
    local name command
    while IFS='|' read -r name command; do
        kr up --quiet
        # shellcheck disable=SC2086
        in_ns "$H" $command </dev/null
        tap_check "status sees: $name" status_is 1
        [[ $command != "ip rule add"* ]] || in_ns "$H" ip rule del pref 7 </dev/null
        tap_check "up mends it" kr up --quiet
        tap_check "and stands" status_is 0
        kr down --quiet
    done < <(tampers)
}

# ---- replacing -----------------------------------------------------------------------------------

# A client that connects without pause while the settings change must never reach the world.
test_replace() {
    local from
    kr up --quiet
    witness_mark
    from=$MARKS
    spawn hammer "$H" bash -c "while :; do '$TOOLS/tcpconn' -w 50 $MX4 25; '$TOOLS/tcpconn' -w 50 $MX6 25; done"
    tap_check "other settings replace the first" kr up --quiet --lan none --block-port 587
    tap_check "and back" kr up --quiet --forward redirect
    tap_check "and to blocked" kr up --quiet --block
    tap_check "and up from blocked" kr up --quiet
    ns_kill_name hammer
    tap_check "no packet got out meanwhile" unseen "$from"
    kr down --quiet
}

ns_kill_name() { kill -9 "$SPAWNED" 2>/dev/null || true; }

# ---- SIGKILL, at every system call that talks to the kernel ---------------------------------------

killed_up() { # N ARGS...: up, killed as it makes its Nth such call; false when it got through
    local n=$1 status=0
    shift
    in_ns "$H" strace -qq -o /dev/null -e trace=sendto,sendmsg,rename,pipe2,bind \
        -e "inject=sendto,sendmsg,rename,pipe2,bind:signal=SIGKILL:when=$n" "$KR" -q up "$@" \
        >/dev/null 2>&1 || status=$?
    ((status == 137))
}

test_killed() {
    local n from
    everything >"$LAB_DIR/before"
    for ((n = 1; n < 400; n += 1 + n / 6)); do
        killed_up "$n" || break
        kr up --quiet || { tap_not_ok "up after a kill at call $n"; return; }
        kr down --quiet || { tap_not_ok "down after a kill at call $n"; return; }
    done
    tap_check "up killed at any call: the next up works ($n calls)" test "$n" -gt 15
    for ((n = 2; n < 400; n += 3 + n / 4)); do
        killed_up "$n" || break
        kr down --quiet || { tap_not_ok "down alone after a kill at call $n"; return; }
    done
    kr down --quiet
    everything >"$LAB_DIR/after"
    tap_check "and down leaves everything as it was" diff "$LAB_DIR/before" "$LAB_DIR/after"
    tap_check "and no sink" no_sink
    kr up --quiet
    witness_mark
    from=$MARKS
    for ((n = 1; n < 400; n += 2 + n / 5)); do
        killed_up "$n" --lan none || break
        in_ns "$H" "$TOOLS/tcpconn" -w 20 "$MX4" 25 >/dev/null || true
        in_ns "$H" "$TOOLS/tcpconn" -w 20 "$MX6" 25 >/dev/null || true
        kr up --quiet --lan auto
    done
    tap_check "a redirect replaced and killed at any call never opens" unseen "$from"
    kr down --quiet
}

test_interrupted() {
    local from pid
    for signal in INT TERM; do
        kr up --quiet --block
        in_ns "$H" "$KR" -q up 2>/dev/null &
        pid=$!
        kill "-$signal" "$pid" 2>/dev/null || true
        wait "$pid" || true
        witness_mark
        from=$MARKS
        in_ns "$H" "$TOOLS/tcpconn" -w 50 "$MX4" 25 >/dev/null || true
        tap_check "after SIG$signal nothing gets out" unseen "$from"
        kr down --quiet
    done
}

# ---- bad input -----------------------------------------------------------------------------------

test_bad_input() {
    everything >"$LAB_DIR/before"
    tap_check "unknown option" fails 2 kr up --snik builtin
    tap_check "names the nearest" says "did you mean --sink"
    tap_check "unknown command" fails 2 kr upp
    tap_check "a word too many" fails 2 kr down now
    tap_check "port 0" fails 2 kr up --port 0
    tap_check "quotes it" says "'0'"
    tap_check "port 65536" fails 2 kr up --port 65536
    tap_check "malformed address" fails 2 kr up --sink 300.1.1.1:25
    tap_check "quotes it" says "300.1.1.1"
    tap_check "sink without a port" fails 2 kr up --sink 192.168.1.10
    tap_check "--lan 0.0.0.0/0" fails 2 kr up --lan 0.0.0.0/0
    tap_check "gives the reason" says "exempts the internet"
    tap_check "--lan with host bits" fails 2 kr up --lan 192.168.1.1/24
    tap_check "--lan behind the gateway" fails 1 kr up --lan 10.0.0.0/8
    tap_check "names the waiver" says "lan-gateway"
    tap_check "missing uplink" fails 2 kr up --uplink eth9
    tap_check "unknown waiver" fails 2 kr up --allow everything=yes
    tap_check "waiver without a reason" fails 2 kr up --allow netdev-fence=
    tap_check "sink unreachable" fails 3 kr up --sink "$HOST_LAN4:2525"
    tap_check "sink outside" fails 1 kr up --sink "$MX4:2525"
    tap_check "sink that is a loop" fails 1 kr up --sink "$HOST_LAN4:25"
    spawn_ready mute "$H" "$TOOLS/sockd" -n mute -p 2525 -q
    tap_check "sink that does not speak SMTP" fails 3 kr up --sink "$HOST_LAN4:2525"
    tap_check "says so" says "does not speak SMTP"
    printf 'lan = "none"\nsnik = "builtin"\n' >"$LAB_DIR/bad.toml"
    tap_check "unknown key" fails 2 kr --config "$LAB_DIR/bad.toml" up
    tap_check "with file and line" says "bad.toml:2"
    printf 'lan = [\n' >"$LAB_DIR/bad.toml"
    tap_check "invalid TOML" fails 2 kr --config "$LAB_DIR/bad.toml" up
    tap_check "missing configuration file" fails 2 kr --config "$LAB_DIR/none.toml" up
    tap_check "no such namespace" fails 2 "$KR" -n no-such-netns up
    tap_check "not root" fails 3 in_ns "$H" setpriv --reuid 65534 --clear-groups "$KR" up
    tap_check "says sudo" says "sudo"
    tap_check "no CAP_NET_ADMIN" fails 3 in_ns "$H" setpriv --bounding-set -net_admin "$KR" up
    tap_check "names it" says "CAP_NET_ADMIN"
    everything >"$LAB_DIR/after"
    tap_check "none of it changed anything" diff "$LAB_DIR/before" "$LAB_DIR/after"
    printf 'lan = ["none"]\nblock-port = [587, 465]\n' >"$LAB_DIR/good.toml"
    tap_check "a good configuration file" kr --config "$LAB_DIR/good.toml" up --quiet --block
    kr status >"$LAB_DIR/out"
    tap_check "is used" grep -q '587 blocked' "$LAB_DIR/out"
    kr down --quiet
}

test_two_at_once() {
    in_ns "$H" bash -c 'mkdir -p /run/kumo-redirect
        exec 9>/run/kumo-redirect/$(stat -Lc %i /proc/self/ns/net).lock; flock 9; echo ready; read -r' \
        <"$LAB_DIR/hold" >"$LAB_DIR/held" &
    exec {HOLD}>"$LAB_DIR/hold"
    await_line "$LAB_DIR/held" ready
    tap_check "a second run at the same time is refused" fails 3 kr up
    tap_check "and says why" says "at work in this network namespace"
    echo >&"$HOLD"
    wait
    exec {HOLD}>&-
}

test_no_space() {
    everything >"$LAB_DIR/before"
    tap_check "a full state folder" fails 3 in_ns "$H" unshare -m bash -c "
        mkdir -p /run/kumo-redirect && mount -t tmpfs -o size=4k none /run/kumo-redirect &&
        head -c 4096 /dev/zero >/run/kumo-redirect/full; exec '$KR' up"
    everything >"$LAB_DIR/after"
    tap_check "changes nothing" diff "$LAB_DIR/before" "$LAB_DIR/after"
}

test_families() {
    ip -n "$H" -6 route del default
    tap_check "IPv4 alone" kr up --quiet
    kr status >"$LAB_DIR/out"
    tap_check "says that IPv6 has no route" grep -q 'IPv6: this host has no route out' "$LAB_DIR/out"
    kr down --quiet
    ip -n "$H" link set up0 down
    tap_check "neither family" fails 3 kr up
    tap_check "says so" says "neither IPv4 nor IPv6"
    tap_check "but can be blocked" kr up --quiet --block
    kr down --quiet
}

test_foreign_sink() {
    spawn_ready other "$H" "$TOOLS/sockd" -n other-sink -p 2527
    tap_check "somebody else's sink on this host" kr up --quiet --sink "$HOST_LAN4:2527"
    tap_check "serves IPv4" grep -q other-sink <(in_ns "$H" "$TOOLS/tcpconn" -w 2000 "$MX4" 25)
    kr status >"$LAB_DIR/out"
    tap_check "IPv6 without a sink is said to be blocked" grep -q 'IPv6: no sink was given' "$LAB_DIR/out"
    witness_mark
    local from=$MARKS
    in_ns "$H" "$TOOLS/tcpconn" -w 200 "$MX6" 25 >"$LAB_DIR/out" || true
    tap_check "and is refused at once" grep -q 'refused' "$LAB_DIR/out"
    tap_check "and nothing gets out" unseen "$from"
    kr down --quiet
}

# The local route to the sink range goes with the redirect; what still answers its flows must not.
to_range() {
    local at
    witness_mark
    for at in 198.18.25.9 2001:2:0:25::9; do
        in_ns "$H" "$TOOLS/tcpconn" -w 100 "$at" 2026 >"$LAB_DIR/out" 2>&1 || true
    done
}

test_range() {
    local from
    to_range && from=$MARKS
    tap_check "off, segments to the sink range do leave" seen_both "$from"
    kr up -q --block
    to_range && from=$MARKS
    tap_check "blocked, none of either family leaves" unseen "$from"
    kr up -q
    kr up -q --block
    to_range && from=$MARKS
    tap_check "nor after a redirect" unseen "$from"
    kr status --format json >"$LAB_DIR/out"
    tap_check "and they are counted" python3 - "$LAB_DIR/out" <<'END'
import json, sys
assert json.load(open(sys.argv[1]))["counters"]["sink_wrong_interface"] >= 2
END
    kr down -q
}

# workers_with FILES: how many the sink may have that such an up starts; without a capability the limit stays.
workers_with() {
    in_ns "$H" setpriv --bounding-set -sys_resource prlimit --nofile="$1:$1" "$KR" -q up || return
    "$KR_SINK" ctl "/run/kumo-redirect/$(stat -Lc %i "/run/netns/$H").sink.sock" stats | jq .workers
    kr down -q
}

# Enough files for 131,072 connections need no more workers than processors (unit/act/test_sinkctl.c).
test_workers() {
    local cpus need files
    cpus=$(getconf _NPROCESSORS_ONLN)
    files=$(ulimit -Hn)
    [[ $files != unlimited ]] || files=1048576
    need=$((131071 / (files - 128) + 1))
    need=$((need < cpus ? cpus : need > 4 * cpus ? 4 * cpus : need))
    tap_check "as many workers as processors, or as files want" test "$(workers_with "$files")" = "$need"
    tap_check "four a processor, where files are few" test "$(workers_with 512)" = $((4 * cpus))
}

# A kernel without the egress hook, as far as the first batches go: what it would answer is injected.
without_fence() { # N ARGS...
    local n=$1
    shift
    in_ns "$H" strace -qq -o /dev/null -e trace=sendto \
        -e "inject=sendto:error=EOPNOTSUPP:when=$n" "$KR" -q up "$@"
}

test_features() {
    local n
    tap_check "every kernel feature is here" kr features --quiet
    kr features --format json >"$LAB_DIR/out"
    tap_check "and named with what brought it" grep -q '5.16, 42df6e1d221d' "$LAB_DIR/out"
    for ((n = 1; n < 12; n++)); do
        ! without_fence "$n" 2>"$LAB_DIR/err" || { kr down -q; continue; }
        ! grep -q 'allow netdev-fence=REASON' "$LAB_DIR/err" || break
    done
    tap_check "without the egress hook up refuses and says how to go on" test "$n" -lt 12
    tap_check "and leaves the host as it was" status_is 1
    tap_check "with the waiver it goes on" without_fence "$n" --allow "netdev-fence=old kernel, lab only"
    kr status >"$LAB_DIR/out"
    tap_check "and says that nothing is fenced" grep -q 'NOT FENCED' "$LAB_DIR/out"
    tap_check "and repeats the reason" grep -q 'old kernel, lab only' "$LAB_DIR/out"
    kr down --quiet
}

lab_init u
lab_world
witness_start
mkfifo "$LAB_DIR/hold"
for part in cycle text tampers replace killed interrupted bad_input two_at_once no_space families foreign_sink range workers \
    features; do
    [[ -z ${1:-} || $part == "$1" ]] || continue
    lab_host
    "test_$part"
    lab_host_gone
done
tap_done
