# shellcheck shell=bash
# A DNS of our own: a signed root, zones below it, nsd that serves them on 127.0.0.2 and a validating
# unbound on 127.0.0.1 (which counts as a server on this host) and 10.53.0.1 (which does not). All in
# one network namespace, from unpacked packages. Source it after tests/lib.sh and tests/pkg.sh.
#
#     kumo-preflight --127.0.0.1, 10.53.0.1--> unbound --127.0.0.2--> nsd: . test. s.test. u.test. ...

DNS_NEEDS=(nsd unbound)

# dns_init: namespace, folders, users; ZONES below $LAB_DIR/dns.
dns_init() {
    lab_init "$1"
    ns_add "$H"
    ip -n "$H" addr add 10.53.0.1/32 dev lo
    DNS=$LAB_DIR/dns
    chmod 755 "$LAB_DIR"
    mkdir -p "$DNS/zones" "$DNS/keys" "$DNS/etc"
    DNS_ZONES=()
    printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n' >"$DNS/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$DNS/etc/group"
    printf '# of the lab\n; and more\n nameserver 192.0.2.99\nnameserver 127.0.0.1\noptions timeout:2\n' >"$DNS/etc/resolv.conf"
    pkg_run "$DNS/etc"
}

# zone NAME: the records of a zone from standard input (not a pipe: it would be a subshell), with SOA and
# NS before them.
zone() {
    local name=$1
    DNS_ZONES+=("$name")
    {
        printf '$ORIGIN %s\n$TTL 300\n' "$name"
        printf '@ SOA ns.test. h.test. 1 3600 600 86400 60\n@ NS ns.test.\n'
        cat
    } >"$DNS/zones/${name}zone"
}

# sign NAME [OPTION...]: the zone becomes a signed one; its DS record is left in keys/NAME.ds.
sign() {
    local name=$1 key
    shift
    key=$(cd "$DNS/keys" && ldns-keygen -a ECDSAP256SHA256 -k "$name" 2>/dev/null)
    ldns-signzone -o "$name" -f "$DNS/zones/${name}signed" "$@" "$DNS/zones/${name}zone" "$DNS/keys/$key"
    mv "$DNS/zones/${name}signed" "$DNS/zones/${name}zone"
    mv "$DNS/keys/$key.ds" "$DNS/keys/$name.ds"
    mv "$DNS/keys/$key.key" "$DNS/keys/$name.key"
}

ds_of() { cat "$DNS/keys/$1.ds"; }

# nsd_up ADDRESS [SERVERS]: serves every zone there, by so many processes with a socket each.
nsd_up() {
    local z servers=${2:-1}
    mkdir -p "$DNS/nsd"
    {
        printf 'server:\n  ip-address: %s\n  username: ""\n  zonesdir: "%s"\n  database: ""\n' "$1" "$DNS/zones"
        printf '  pidfile: "%s/nsd/pid"\n  xfrdfile: "%s/nsd/xfrd"\n  zonelistfile: "%s/nsd/zones"\n' "$DNS" "$DNS" "$DNS"
        printf '  xfrdir: "%s/nsd"\n  server-count: %d\n  rrl-ratelimit: 0\n  ipv4-edns-size: %s\n' \
            "$DNS" "$servers" "${NSD_EDNS:-1232}"
        ((servers == 1)) || printf '  reuseport: yes\n'
        printf 'remote-control:\n  control-enable: no\n'
        for z in "${DNS_ZONES[@]}"; do printf 'zone:\n  name: "%s"\n  zonefile: "%szone"\n' "$z" "$z"; done
    } >"$DNS/nsd.conf"
    spawn nsd "$H" "${PKG_RUN[@]}" /usr/sbin/nsd -d -c "$DNS/nsd.conf"
    wait_for 15 answers "$1" . SOA || die "nsd does not answer: $(cat "$LAB_DIR/nsd.log")"
}

# unbound_up [LINE...]: validates from our root; lines are added to its server clause.
unbound_up() {
    printf '. 3600000 NS ns.test.\nns.test. 3600000 A 127.0.0.2\n' >"$DNS/hints"
    {
        printf 'server:\n  interface: 127.0.0.1\n  interface: 10.53.0.1\n  access-control: 0.0.0.0/0 allow\n'
        printf '  do-not-query-localhost: no\n  qname-minimisation: no\n  username: ""\n  chroot: ""\n'
        printf '  directory: "%s"\n  pidfile: "%s/unbound.pid"\n  use-syslog: no\n  logfile: ""\n' "$DNS" "$DNS"
        printf '  root-hints: "%s/hints"\n  trust-anchor-file: "%s/keys/..ds"\n  module-config: "validator iterator"\n' "$DNS" "$DNS"
        printf '  do-ip6: no\n  num-threads: 1\n  local-zone: "test." nodefault\n  outbound-msg-retry: 2\n'
        printf '  infra-cache-max-rtt: 1000\n  val-log-level: 1\n'
        printf '  %s\n' "$@"
        printf 'remote-control:\n  control-enable: no\n'
    } >"$DNS/unbound.conf"
    spawn unbound "$H" "${PKG_RUN[@]}" /usr/sbin/unbound -d -c "$DNS/unbound.conf"
    wait_for 15 answers 127.0.0.1 . SOA || die "unbound does not answer: $(cat "$LAB_DIR/unbound.log")"
}

# drill from ldnsutils is not there on every release; a query by hand is.
answers() { in_ns "$H" python3 "$TESTS/dns/ask.py" "$1" "$2" "$3" >/dev/null 2>&1; }

# What of a test takes seconds has ended long before.
ASKING=(timeout -k 5 200)
# asking_stood STATUS WHAT: says so when it is timeout(1)'s.
asking_stood() { (($1 != 124 && $1 != 137)) || tap_note "after ${ASKING[-1]} s it still ran: $2: $(cat "$LAB_DIR/err")"; }
# preflight OPTION...: one line of JSON a domain, and the sum, in $LAB_DIR/out; its status in STATUS.
preflight() {
    STATUS=0
    in_ns "$H" "${ASKING[@]}" "${PKG_RUN[@]}" "$KR" preflight --anchor "$DNS/keys/..ds" --format json "$@" \
        >"$LAB_DIR/out" 2>"$LAB_DIR/err" || STATUS=$?
    asking_stood "$STATUS" "preflight $*"
}
# said DOMAIN FILTER: what jq makes of its line.
said() { jq -r "select(.domain == \"$1\") | $2" "$LAB_DIR/out"; }
sum() { jq -r "select(.schema == \"kumo-redirect/preflight/1\") | $1" "$LAB_DIR/out"; }
# is DOMAIN FILTER WANTED: a result of TAP.
is() {
    local got
    got=$(said "$1" "$2")
    if [[ $got == "$3" ]]; then tap_ok "$4$1: $3"; else tap_not_ok "$4$1: wanted $3, got '$got'"; said "$1" . | sed 's/^/# /'; fi
}
