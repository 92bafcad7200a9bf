# shellcheck shell=bash
# What the tests of `run` share: a DNS whose root is signed (nsd, and unbound before it, in inet), so
# that preflight can tell that domains have no DANE, and mail for a hundred domains and more. Source it
# after tests/lib.sh.
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
# shellcheck source=tests/net/lib-watch.sh
. "$TESTS/net/lib-watch.sh"

NSD4=198.51.100.54
GATE_DOMAINS=100
DNS=''

# Names as real ones are; the answers are the lab's.
gate_domains() {
    local i
    printf '%s\n' gmail.com yahoo.com outlook.com
    for ((i = 1; i <= GATE_DOMAINS; i++)); do echo "d$i.example"; done
}

# One that a load test must not use with the sink: TLSA records in a signed zone.
gate_zone_example() {
    local i
    for ((i = 1; i <= GATE_DOMAINS; i++)); do
        echo "d$i MX 10 mx.d$i"
        echo "mx.d$i A 203.0.113.$((i % 250 + 1))"
        ((i % 3)) || echo "mx.d$i AAAA 2001:db8:f00::$i"
    done
}
gate_zone_com() {
    cat <<'EOF'
gmail MX 5 gmail-smtp-in.gmail
gmail-smtp-in.gmail A 142.250.27.27
gmail-smtp-in.gmail AAAA 2a00:1450:4025:c01::1b
yahoo MX 1 mta5.yahoo
yahoo MX 1 mta6.yahoo
mta5.yahoo A 67.195.204.72
mta6.yahoo A 98.136.96.74
outlook MX 5 mx.outlook
mx.outlook A 52.101.8.44
hotmail MX 2 mx.outlook
aol MX 10 mta5.yahoo
EOF
}
gate_zone_test() {
    printf 'dane MX 10 mx.dane\nmx.dane A 203.0.113.251\n'
    printf '_25._tcp.mx.dane TLSA 3 1 1 %s\n' "$(printf 'c%.0s' {1..64})"
}

# gate_zone NAME <records: a zone file; with `signed` it is signed and its DS kept.
gate_zone() {
    local name=$1 key
    {
        printf '$ORIGIN %s\n$TTL 300\n@ SOA ns.test. h.test. 1 3600 600 86400 60\n@ NS ns.test.\n' "$name"
        cat
    } >"$DNS/${name}zone"
    echo "$name" >>"$DNS/names"
    [[ ${2:-} == signed ]] || return 0
    key=$(cd "$DNS" && ldns-keygen -a ECDSAP256SHA256 -k "$name" 2>/dev/null)
    ldns-signzone -o "$name" -f "$DNS/signed" "$DNS/${name}zone" "$DNS/$key"
    mv "$DNS/signed" "$DNS/${name}zone"
    mv "$DNS/$key.ds" "$DNS/$name.ds"
}

# gate_policy BOUNCE DEFER: percents that the sink refuses of all, and defers of d1.example's.
gate_policy() {
    cat >"$LAB_DIR/policy.toml" <<EOF
[default]
bounce = $1
[[default.bounces]]
code = 550
msg = "5.1.1 No such mailbox here"
[provider.some]
domains = ["d1.example"]
defer = $2
[[provider.some.defers]]
code = 451
msg = "4.3.0 Try again later"
EOF
    "$KR_SINK" ctl "$(kr_state).sink.sock" policy load "$LAB_DIR/policy.toml" >"$LAB_DIR/policy" ||
        die "$(cat "$LAB_DIR/policy")"
}
# balance ACCOUNT: what it says of the messages.
balance() { jq -r '.balance.rows[] | select(.id == "messages") | "\(.is): \(.text)"' "$1"; }

# gate_dns_start: after lab_world. Leaves the root's anchor in $DNS/..ds.
gate_dns_start() {
    local z
    DNS=$LAB_DIR/dns
    mkdir -p "$DNS"
    : >"$DNS/names"
    gate_zone_example | gate_zone example.
    gate_zone_com | gate_zone com.
    { printf 'ns A %s\n' "$NSD4" && gate_zone_test; } | gate_zone test. signed
    { printf 'example. NS ns.test.\ncom. NS ns.test.\ntest. NS ns.test.\nns.test. A %s\n' "$NSD4" && cat "$DNS/test..ds"; } |
        gate_zone . signed
    {
        printf 'server:\n  ip-address: %s\n  username: ""\n  chroot: ""\n  zonesdir: "%s"\n  database: ""\n' "$NSD4" "$DNS"
        printf '  pidfile: "%s/nsd.pid"\n  xfrdfile: "%s/xfrd"\n  zonelistfile: "%s/list"\n  xfrdir: "%s"\n' "$DNS" "$DNS" "$DNS" "$DNS"
        printf '  server-count: 1\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n'
        while read -r z; do printf 'zone:\n  name: "%s"\n  zonefile: "%szone"\n' "$z" "$z"; done <"$DNS/names"
    } >"$DNS/nsd.conf"
    printf '. 3600000 NS ns.test.\nns.test. 3600000 A %s\n' "$NSD4" >"$DNS/hints"
    cat >"$DNS/unbound.conf" <<EOF
server:
  interface: $DNS4
  access-control: 0.0.0.0/0 allow
  outgoing-interface: $DNS4
  qname-minimisation: no
  username: ""
  chroot: ""
  directory: "$DNS"
  pidfile: "$DNS/unbound.pid"
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  root-hints: "$DNS/hints"
  trust-anchor-file: "$DNS/..ds"
  module-config: "validator iterator"
  local-zone: "test." nodefault
  local-zone: "example." nodefault
remote-control:
  control-enable: no
EOF
    mta_etc
    pkg_run "$ETC"
    spawn nsd "$I" "${PKG_RUN[@]}" /usr/sbin/nsd -d -c "$DNS/nsd.conf"
    spawn dns "$I" "${PKG_RUN[@]}" /usr/sbin/unbound -d -c "$DNS/unbound.conf"
    wait_for 15 gate_dns_answers || die "no DNS: $(cat "$LAB_DIR/nsd.log" "$LAB_DIR/dns.log")"
}
gate_dns_answers() { in_ns "$H" python3 "$TESTS/dns/ask.py" "$DNS4" d1.example MX >/dev/null 2>&1; }

# The words before a command: what every run in the lab needs. RUN_NS enters the host by itself, so that
# the machine's cgroups are in sight; RUN_IN is run inside, where ip-netns(8) hides them.
gate_words() {
    RUN_OPTIONS=(--record "$LAB_DIR/record" --resolver "$DNS4" --anchor "$DNS/..ds" --mta postfix --allow "exempt-relay=the lab's own")
    RUN_NS=("$KR" -n "$H" run "${RUN_OPTIONS[@]}")
    RUN_IN=(ip netns exec "$H" "$KR" run "${RUN_OPTIONS[@]}")
}

OUT='' ERR=''
# A process that ended may stay for a moment, until somebody takes its status.
runs() { [[ $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) == [RSDTt] ]]; }
# gate ns|in ARGS...: one run; its status in STATUS, what it writes in $OUT and $ERR.
gate() {
    local how=$1
    rm -f "$LAB_DIR"/stub/*
    shift
    STATUS=0
    OUT=$LAB_DIR/out ERR=$LAB_DIR/err
    if [[ $how == ns ]]; then
        timeout -k 5 100 "${RUN_NS[@]}" "$@" </dev/null >"$OUT" 2>"$ERR" || STATUS=$?
    else
        timeout -k 5 100 "${RUN_IN[@]}" "$@" </dev/null >"$OUT" 2>"$ERR" || STATUS=$?
    fi
}
is() { [[ $STATUS == "$1" ]] || { tap_note "status $STATUS instead of $1: $(tail -n 20 "$ERR")"; return 1; }; }

# gate_main WANTED PART...: the lab with DNS, then each part on a host of its own.
gate_main() {
    local why
    mail_lab r
    pkg_need unbound nsd postfix || { tap_skip "the gate" "the packages can't be had" && tap_done && exit; }
    lab_world
    witness_start
    lab_host
    gate_dns_start
    gate_words
    lab_host_gone
    local want=$1 part
    shift
    for part; do
        [[ -z $want || $part == "$want" ]] || continue
        lab_host
        "test_$part"
        forget_state
        lab_host_gone
    done
    tap_done
}

# nothing_left FROM: the witnesses saw no packet since that mark but what verify itself sends: it asks
# the neighbours that are known in exempt networks (exempt-relay), link-local ones among them.
nothing_left() {
    witness_mark && ! witness_said "$1" "$MARKS" | grep -E '^(leak|sink) ' | grep -v '^leak in0 fe80::'
}

told_err() { grep -qF -- "$1" "$ERR" || { tap_note "no '$1': $(tail -n 12 "$ERR")"; return 1; }; }

# gate_stub: a program called traffic-gen that leaves behind in $LAB_DIR/stub.* what it was given and
# how it was run. What it does is said in its environment: SAYS (its last line), EXIT, END_BY (a signal),
# BYTES (a file that is all it writes), STRAY (leaves a process behind), ENDLESS, SIGNALS (waits for one).
gate_stub() {
    STUB=$LAB_DIR/bin/traffic-gen
    mkdir -p "$LAB_DIR/bin" "$LAB_DIR/stub"
    chmod 777 "$LAB_DIR/stub"
    cat >"$STUB" <<EOF
#!/bin/bash
at=$LAB_DIR/stub
EOF
    cat >>"$STUB" <<'EOF'
printf '%s\n' "$@" >"$at/args"
echo "$(id -u) $(id -g) $(id -G)" >"$at/id"
sed -n 's/^CapEff:\t//p' /proc/self/status >"$at/caps"
echo "$USER $LOGNAME $HOME ${SUDO_UID:--}" >"$at/env"
cp /proc/self/cgroup "$at/cgroup"
grep -E '^Sig(Blk|Ign):' /proc/self/status >"$at/signals"
[[ -z ${BYTES:-} ]] || { cat "$BYTES"; exit; }
[[ -z ${ENDLESS:-} ]] || exec yes
if [[ -n ${SIGNALS:-} ]]; then
    trap 'echo INT >"$at/got"; exit 41' INT
    trap 'exit 42' TERM
    trap 'exit 43' USR1
    echo waiting
    while :; do sleep 0.1; done
fi
[[ -z ${STRAY:-} ]] || { sleep 300 & echo $! >"$at/stray"; }
[[ -z ${END_BY:-} ]] || kill -"$END_BY" $$
echo "by its name" >/dev/stdout
echo "${SAYS:-done}"
exit "${EXIT:-0}"
EOF
    chmod 755 "$STUB"
}
# given WORDS: the stub's arguments, joined by |.
given() {
    local got
    got=$(paste -sd'|' "$LAB_DIR/stub/args" 2>&1)
    [[ $got == "$1" ]] || { tap_note "'$got' instead of '$1'; $(tail -n 5 "$ERR")"; return 1; }
}
stub_is() {
    local got
    got=$(cat "$LAB_DIR/stub/$1")
    [[ $got == "$2" ]] || { tap_note "$1: '$got' instead of '$2'"; return 1; }
}
not_started() { [[ ! -e $LAB_DIR/stub/args ]] || { tap_note "it was started"; return 1; }; }
# with_signal NAME ns|in: sent to `run` once the stub waits.
with_signal() {
    local pid
    STATUS=0
    rm -f "$OUT" "$ERR"
    "${RUN_NS[@]}" -- "$STUB" </dev/null >"$OUT" 2>"$ERR" &
    pid=$!
    await_line "$OUT" '^waiting' 1 20 || tap_note "$(cat "$ERR")"
    kill -"$1" "$pid"
    wait "$pid" || STATUS=$?
}
