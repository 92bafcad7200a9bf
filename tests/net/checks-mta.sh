#!/bin/bash
# What verify tells of mail servers: a real Postfix, Debian's configuration of Exim and stand-ins for
# the rest run in the lab, and each way out is reported by exactly the check it belongs to.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
MTA_CHECKS='mta-unknown mta-ports mta-proxies mta-smarthosts mta-other-delivery'

# look [OPTION...]: verify's static part, to $LAB_DIR/seen.
look() {
    local status=0
    in_ns "$H" timeout 60 "$KR" -q verify --static --format json "$@" >"$LAB_DIR/seen" 2>"$LAB_DIR/why" || status=$?
    ((status <= 1 || status == 4)) || { tap_note "verify: $status $(cat "$LAB_DIR/why")"; return 1; }
}

# verdicts: those of the five checks that do not hold, as "ID=VERDICT".
verdicts() {
    jq -r --arg ids "$MTA_CHECKS" '.checks[] | select(.id as $i | $ids | split(" ") | index($i)) |
        select(.verdict != "holds") | "\(.id)=\(.verdict)"' "$LAB_DIR/seen" | tr '\n' ' ' | sed 's/ $//'
}
evidence() {
    jq -r '.checks[] | .id as $i | .evidence[] | "\($i) \(.verdict) \(.object) \(.detail) \(.pid // 0)"' \
        "$LAB_DIR/seen" | grep -E '^(mta-|listen|file-|conntrack|tuple|ephemeral|sink-)'
}

# says NAME VERDICTS REGEX: what a look finds now.
says() {
    local got
    look
    got=$(verdicts)
    if [[ $got == "$2" ]] && evidence | grep -qE -- "$3"; then tap_ok "$1"; else
        tap_not_ok "$1"
        tap_note "wanted '$2' and '$3', got '$got'"$'\n'"$(evidence)"
    fi
}

# stand_in NAME FILE [WORD...]: a process of this name, in the lab, with these words on its command line.
stand_in() {
    local name=$1
    shift
    [[ -e $LAB_DIR/$name ]] || cp "$BASH" "$LAB_DIR/$name"
    [[ -p $LAB_DIR/hold ]] || mkfifo "$LAB_DIR/hold"
    # shellcheck disable=SC2016
    spawn "stand-in-$name" "$H" "$LAB_DIR/$name" -c 'exec 3<>"$0"; read -r -u 3' "$LAB_DIR/hold" "$@"
    STAND_IN=$SPAWNED
    wait_for 5 named "$STAND_IN" "$name"
}
named() { [[ $(cat "/proc/$1/comm" 2>/dev/null) == "$2" ]]; }
gone() {
    kill "$1"
    wait_for 5 mta_gone "$1"
}

lab_init -cmta
lab_host_alone() {
    ns_add "$I"
    ns_add "$L"
    lab_host
}
lab_host_alone

says "no mail server in this namespace is the lab's: nothing is broken" "" ''

# ---- Postfix, a real one ------------------------------------------------------------------------

# postfix_is MAIN [MASTER]: what its configuration has besides the plain one; in place, it runs.
postfix_is() {
    { mta_main; printf '%b' "$1"; } >"$ETC/postfix/main.cf"
    { mta_master; printf '%b' "${2:-}"; } >"$ETC/postfix/master.cf"
}

postfix_cases() {
    says "Postfix: found with its process and configuration" "" 'mta-found holds Postfix runs as master; configuration: /etc/postfix'
    postfix_is 'relayhost = [198.51.100.9]:587\n'
    says "Postfix: a relay host at 587" "mta-ports=broken" 'mta-ports broken /etc/postfix/main.cf:[0-9]+ relayhost: 198.51.100.9 port 587.*--block-port 587'
    in_ns "$H" "$KR" -q up --block-port 587 >"$LAB_DIR/up.log" 2>&1 || tap_note "$(cat "$LAB_DIR/up.log")"
    says "Postfix: after up --block-port 587 it holds" "" 'mta-smarthosts holds .*port 587: blocked'
    evidence | grep -q '^listen-backlog holds listeners of the sink' && tap_ok "the sink's listeners are found" ||
        tap_not_ok "the sink's listeners are found"
    evidence | grep -qE '^file-limits holds kumo-sink room for [0-9]+' && tap_ok "the sink's files are found" ||
        tap_not_ok "the sink's files are found"
    look --expect-rate 3000000 --expect-concurrency 1000000000
    tap_check "load: what is too small is advice, with the sysctl" test "$(evidence |
        grep -cE '^(conntrack-capacity|ephemeral-ports|tuple-capacity|listen-backlog|sink-cores|file-limits) broken')" -ge 6
    tap_check "load: the exact line is given" grep -qE 'sysctl -w net.netfilter.nf_conntrack_max=[0-9]+' <(evidence)
    in_ns "$H" "$KR" -q down >"$LAB_DIR/down.log" 2>&1 || die "down: $(cat "$LAB_DIR/down.log")"
    postfix_is 'relayhost = [198.51.100.9]\n'
    says "Postfix: a relay host at 25 is redirected" "" 'mta-smarthosts holds .*198.51.100.9 port 25: redirected'
    postfix_is 'transport_maps = hash:$config_directory/transport\n'
    printf 'example.com smtp:[198.51.100.9]:465\n' >"$ETC/postfix/transport"
    says "Postfix: a transport map" "mta-ports=broken" '/etc/postfix/transport:1 transport_maps: 198.51.100.9 port 465'
    postfix_is "relayhost = [$LAN4]\n"
    says "Postfix: a relay host on the exempt LAN" "mta-smarthosts=broken" "exempt 192.168.1.0/24"
    postfix_is 'relayhost = [127.0.0.1]:587\n'
    says "Postfix: itself, by loopback" "" 'mta-smarthosts holds .*a mail server of this host'
    postfix_is 'relayhost = [127.0.0.1]:588\n'
    says "Postfix: loopback, and nobody there" "mta-smarthosts=unknown" 'nobody listens'
    postfix_is 'default_transport = out\n' 'out unix - n n - - pipe user=nobody argv=/usr/bin/send $nexthop\n'
    says "Postfix: a program" "mta-other-delivery=unknown" '/usr/bin/send'
    postfix_is 'virtual_transport = lmtp:inet:198.51.100.9:24\n' 'lmtp unix - - n - - lmtp\n'
    says "Postfix: LMTP by TCP" "mta-other-delivery=broken" 'LMTP'
    postfix_is 'transport_maps = mysql:/etc/postfix/sql.cf\n'
    says "Postfix: a map in a database" "mta-unknown=unknown" 'mysql'
    postfix_is '' 'two unix - - n - - trivial-rewrite\n -o relayhost=[198.51.100.9]:2525\n'
    says "Postfix: an option of a service" "mta-ports=broken" '/etc/postfix/master.cf:[0-9]+ relayhost'
}

if pkg_need postfix; then
    mta_etc
    : >"$ETC/postfix/transport"
    pkg_run "$ETC"
    mta_start
    postfix_cases
    postfix_is ''
    mta_stop
else
    tap_skip "a real Postfix" "its package could not be fetched"
fi

# ---- KumoMTA by its files, in a root folder of its own ------------------------------------------

mkdir -p "$LAB_DIR/kumo/policy"
cat >"$LAB_DIR/kumo/policy/init.lua" <<'END'
local kumo = require 'kumo'
-- remote_port = 587
kumo.on('get_egress_source', function(name)
  return kumo.make_egress_source { name = name, socks5_proxy_server = '10.0.5.10:5000' }
end)
END
printf '[source."a"]\nremote_port = 2526\n' >"$LAB_DIR/kumo/sources.toml"
stand_in kumod --policy "$LAB_DIR/kumo/policy/init.lua"
says "KumoMTA: a proxy" "mta-proxies=broken" 'init.lua:4 socks5_proxy_server: .*10.0.5.10 port 5000'
cp "$LAB_DIR/kumo/sources.toml" "$LAB_DIR/kumo/policy/"
says "KumoMTA: and a port, in a helper file" "mta-ports=broken mta-proxies=broken" 'sources.toml:2 remote_port: port 2526'
printf 'kumo.on("init", function() end)\n' >"$LAB_DIR/kumo/policy/init.lua"
rm "$LAB_DIR/kumo/policy/sources.toml"
says "KumoMTA: nothing" "" 'mta-ports holds .*only its text'
gone "$STAND_IN"
stand_in kumod --policy /nowhere/init.lua
says "KumoMTA: a policy that is not there" "mta-unknown=unknown" "mta-unknown unknown KumoMTA .*/nowhere/init.lua can't be found $STAND_IN"
gone "$STAND_IN"

# ---- Exim with Debian's configuration -----------------------------------------------------------

# exim_conf MACROS: Debian's template, with what update-exim4.conf(8) puts into it.
exim_conf() {
    sed -e "s/^UPEX4CmacrosUPEX4C.*/UPEX4CmacrosUPEX4C = 1\n$1/" "$LAB_DIR/exim4.conf.template" >"$LAB_DIR/exim.conf"
}

exim_template() {
    local deb
    deb=$(pkg_fetch exim4-config) || return 1
    dpkg-deb -x "$deb" "$LAB_DIR/exim-config"
    cp "$LAB_DIR/exim-config/etc/exim4/exim4.conf.template" "$LAB_DIR/"
}

mkdir -p "$PKG/fetched"
if exim_template; then
    exim_conf 'DCconfig_internet = 1'
    stand_in exim4 -C "$LAB_DIR/exim.conf" -bd
    says "Exim: Debian's configuration for direct delivery" "" "mta-found holds Exim runs as exim4"
    exim_conf 'DCconfig_smarthost = 1\nDCsmarthost = smtp.relay.example::587'
    says "Exim: Debian's smart host at 587" "mta-ports=broken" 'route_list: smtp.relay.example port 587'
    exim_conf "DCconfig_smarthost = 1\nDCsmarthost = $LAN4"
    says "Exim: a smart host on the exempt LAN" "mta-smarthosts=broken" 'exempt'
    gone "$STAND_IN"
else
    tap_skip "Exim" "its package could not be fetched"
fi

# ---- others -------------------------------------------------------------------------------------

cp "$TOOLS/sockd" "$LAB_DIR/stranger"
spawn_ready stranger "$H" "$LAB_DIR/stranger" -n stranger -p 465
says "a program that nobody knows listens on 465" "mta-unknown=unknown" \
    "mta-unknown unknown stranger listens on port 465 .* $SPAWNED"
gone "$SPAWNED"
stand_in pmtad
says "a mail server that is only known by name" "mta-unknown=unknown" "mta-unknown unknown PowerMTA .* $STAND_IN"
gone "$STAND_IN"
spawn elsewhere "$C" "$LAB_DIR/kumod" -c 'exec 3<>"$0"; read -r -u 3' "$LAB_DIR/hold"
wait_for 5 named "$SPAWNED" kumod
says "a server in another namespace is named, not judged" "" \
    "mta-found holds KumoMTA runs in another network namespace.* $SPAWNED"
gone "$SPAWNED"

# ---- speed --------------------------------------------------------------------------------------

us_of() { jq '[.checks[] | select(.id | startswith("mta-")) | .us] | add' "$LAB_DIR/seen"; }
forget_state 2>/dev/null || true
look
tap_note "with the list of processes, all take $(us_of) us at $(find /proc -maxdepth 1 -name '[0-9]*' | wc -l) processes"
tap_done
