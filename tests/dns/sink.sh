#!/usr/bin/env bash
# The sink's side of a preflight: does it offer STARTTLS, with a certificate that is trusted and names the
# MX hosts? Our own sink in its three modes, others, what is no sink; the redirect that stands;
# memory errors of both programs.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/dns/lib-certs.sh
. "$TESTS/dns/lib-certs.sh"

((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
lab_init s
chmod 755 "$LAB_DIR"
ns_add "$H"
ip -n "$H" addr add 127.0.0.6/32 dev lo
spawn_ready world "$H" "$TOOLS/dnsworld"
cd "$LAB_DIR"

# Nine domains of three kinds, on more MX hosts than one.
DOMAINS=(d1-g.com d2-m.com d3-m.com d4-o.com d5-h-1.com d6-i.com d7-s-1.com d8-s-2.com d9-o.com)
# look OPTION...: of these domains, by an MTA that needs what KumoMTA does.
look() {
    STATUS=0
    in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --mta kumomta --format json --fetch-timeout 20 "$@" "${DOMAINS[@]}" \
        >out 2>err </dev/null || STATUS=$?
    tail -n 1 out >sum
}
of() { jq -r "$1" sum; }
# said NAME FILTER WANTED
said() {
    local got
    got=$(of "$2")
    [[ $got == "$3" ]] && tap_ok "$1: $3" && return
    tap_not_ok "$1: wanted $3, got $got"
    of .sink.words | sed "s/^/# /"
    head -c 600 err | sed 's/^/# /'
}
outcomes() { head -n -1 out | jq -r .outcome | sort | uniq -c | awk '{ print $1 " " $2 }' | paste -sd' '; }
outcome() { [[ $(outcomes) == "$2" ]] && tap_ok "$1: $2" || tap_not_ok "$1: wanted $2, got $(outcomes)"; }

# sink_up NAME PORT OPTION...
sink_up() {
    local name=$1 port=$2
    shift 2
    spawn "$name" "$H" "$KR_SINK" --listen "127.0.0.1:$port" --quiet "$@"
    wait_for 10 listening "$port" || die "$name does not listen: $(cat "$name.log")"
}
listening() { [[ -n $(in_ns "$H" ss -Hltn "sport = :$1") ]]; }

sink_up clear 2501
sink_up own 2502 --tls self-signed
sink_up lab 2503 --tls lab-ca --ca-dir "$LAB_DIR/ca"
"$KR_SINK" ca print --ca-dir "$LAB_DIR/ca" >lab-ca.pem
certs_init "$LAB_DIR/certs"
cert one -1 30 lab sink.example
cert gone -9 -1 lab sink.example
# The names that the made-up world gives.
cert all -1 30 lab '*.aspmx.l.google.com' aspmx.l.google.com '*.mail.protection.outlook.com' d6-i.com mail.d4-o.com \
    mail.d9-o.com '*.hosting1.org' '*.small1.com' '*.small2.com'
# Another server with certificates of ours, one that talks of STARTTLS and then refuses it, one that says
# nothing, one that is no SMTP server, one that is busy, one whose TLS is too old.
cat >odd.py <<'END'
import socket, ssl, sys, threading
def serve(port, talk):
    l = socket.socket()
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind(("127.0.0.1", port))
    l.listen(64)
    def one(c):
        try:
            talk(c)
        except OSError:
            pass
        c.close()
    while True:
        threading.Thread(target=one, args=(l.accept()[0],), daemon=True).start()
def refuses(c):
    c.sendall(b"220 odd ESMTP\r\n")
    while (got := c.recv(1000)):
        c.sendall(b"250-odd\r\n250 STARTTLS\r\n" if got.startswith(b"EHLO") else b"454 not now\r\n")
def silent(c):
    c.recv(1000)
    threading.Event().wait(60)
def other(c):
    c.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
    c.recv(1000)
def busy(c):
    c.sendall(b"421 busy\r\n")
def secure(cert, most=None):
    def talk(c):
        c.sendall(b"220 other ESMTP\r\n")
        while (got := c.recv(1000)):
            if got.startswith(b"STARTTLS"):
                break
            c.sendall(b"250-other\r\n250 STARTTLS\r\n")
        x = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if most:
            x.set_ciphers("ALL:@SECLEVEL=0")
            x.minimum_version = x.maximum_version = most
        x.load_cert_chain(f"{sys.argv[1]}/{cert}.pem")
        c.sendall(b"220 go\r\n")
        with x.wrap_socket(c, server_side=True) as t:
            while t.recv(1000):
                t.sendall(b"250 other\r\n")
    return talk
for port, talk in ((2511, secure("one")), (2512, secure("gone")), (2513, secure("all")),
                   (2514, secure("all", ssl.TLSVersion.TLSv1_1)), (2521, refuses), (2522, silent), (2523, other), (2524, busy)):
    threading.Thread(target=serve, args=(port, talk), daemon=True).start()
threading.Event().wait()
END
spawn odd "$H" python3 odd.py "$CERTS"
wait_for 10 listening 2524 || die "odd.py does not listen"

# ---- our own ----
look --sink 127.0.0.1:2501
said "without TLS" .sink.starttls clear
outcome "  what KumoMTA makes of it" "8 delivers 1 fails"
look --sink 127.0.0.1:2502
said "self-signed" .sink.starttls untrusted
tap_check "  with the reason" grep -q 'self-signed' sum
outcome "  what KumoMTA makes of it" "9 fails"
look --sink 127.0.0.1:2503 --ca-file lab-ca.pem
said "a lab CA that is trusted" '.sink.starttls + " " + .sink.words' 'trusted '
outcome "  what KumoMTA makes of it" "9 delivers"
tap_check "  clean is exit 0" test "$STATUS" = 0
tap_check "  as several MX hosts" test "$(of '.sink.tried > 8 and .sink.tried <= 32 and .sink.tried <= .sink.hosts')" = true
look --sink 127.0.0.1:2503
said "a lab CA that the system does not know" .sink.starttls untrusted
in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --sink 127.0.0.1:2502 d1-g.com >text 2>&1 || true
tap_check "in words" grep -qE '^  sink +STARTTLS with a certificate of its own; looked at as [0-9]+ of [0-9]+ MX hosts: 127.0.0.1:2502: ' text

# ---- others ----
look --sink 127.0.0.1:2511 --ca-file "$CERTS/ca.pem"
said "trusted, but naming another" .sink.starttls untrusted
look --sink 127.0.0.1:2512 --ca-file "$CERTS/ca.pem"
said "expired" .sink.starttls untrusted
look --sink 127.0.0.1:2513 --ca-file "$CERTS/ca.pem"
said "trusted, naming all" .sink.starttls trusted
look --sink 127.0.0.1:2514 --ca-file "$CERTS/ca.pem"
said "no TLS 1.2" .sink.starttls unknown
look --sink 127.0.0.1:2521
said "STARTTLS is refused" .sink.starttls clear
look --sink 127.0.0.1:2523 --fetch-timeout 3
said "no SMTP server" .sink.starttls unknown
look --sink 127.0.0.1:2524
said "busy" .sink.starttls unknown
look --sink 127.0.0.1:2599
said "nobody there" .sink.starttls unknown
tap_check "  said why" grep -q '127.0.0.1:2599' sum
tap_check "  unknown is exit 4" test "$STATUS" = 4
look --sink 127.0.0.1:2522 --fetch-timeout 1
said "silent" .sink.starttls unknown
look --sink 127.0.0.1:2501 --sink 127.0.0.1:2502
said "two that differ" .sink.starttls unknown
look --sink 127.0.0.1:2502 --sink 127.0.0.1:2503 --ca-file lab-ca.pem
said "two, one of them trusted" .sink.starttls untrusted
look --sink nowhere
tap_check "no address: exit 2" test "$STATUS" = 2

# ---- which sink ----
look
said "no redirect: what up starts by itself" '.sink.starttls + " \(.sink.assumed)"' 'clear true'
look --sink builtin
said "the built-in one" '.sink.starttls + " \(.sink.assumed)"' 'clear true'
printf 'sink = "127.0.0.1:2502"\n' >config
look --config config
said "the configured one" '.sink.starttls + " \(.sink.assumed)"' 'untrusted false'
# exempt NAME DOMAIN WANTED OPTION...: whether its address is one that is not redirected; hazards.
exempt() {
    local name=$1 domain=$2 want=$3 got
    shift 3
    in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --mta none --sink builtin --format json "$@" "$domain" >out 2>err || true
    got=$(jq -r 'select(.domain) | (.hosts[0] | "\(.exempt) \(.private)") + " " + (.breaking | join(","))' out)
    [[ $got == "$want" ]] && tap_ok "$name: $want" || tap_not_ok "$name: wanted $want, got $got"
}
printf 'lan = ["192.0.2.0/30", "none"]\n' >config
exempt "an MX host in a LAN that would not be redirected" d6-i.com 'true false inside' --config config
exempt "none such" d6-i.com 'false false '
ip -n "$H" link add up0 type veth peer name peer0
ip -n "$H" link set peer0 up
ip -n "$H" addr add 192.0.2.2/24 dev up0
ip -n "$H" addr add 10.9.0.1/24 dev up0
ip -n "$H" link set up0 up
ip -n "$H" route add default via 192.0.2.1
in_ns "$H" "$KR" -q up 2>up.log || die "no redirect: $(cat up.log)"
look
said "the redirect's" '.sink.starttls + " \(.sink.assumed) \(.sink.tried > 8)"' 'clear false true'
in_ns "$H" setpriv --reuid 65534 --clear-groups "$KR" preflight --resolver 127.0.0.1 --format json d1-m.com >out 2>err || true
tail -n 1 out >sum
exempt "an MX host in the LAN that the redirect leaves alone" d9999-i.com 'true true inside'
exempt "and one outside, whatever is configured" d6-i.com 'false false ' --config config
said "by anybody" '.sink.starttls + " \(.sink.assumed)"' 'clear false'

# ---- its record can't be read, or is none ----
RECORD=/run/kumo-redirect/$(in_ns "$H" stat -Lc %i /proc/self/ns/net).json
cp -p "$RECORD" record
open_exemptions() {
    local name=$1 why=$2 status=0
    shift 2
    in_ns "$H" "$@" "$KR" preflight --resolver 127.0.0.1 --mta none --sink builtin --format json d1-m.com >out 2>err || status=$?
    tail -n 1 out >sum
    tap_check "$name: exit 4" test "$status" = 4
    said "  what is redirected is unknown" '.verdict + " \(.exemptions.known)"' 'unknown false'
    tap_check "  the file is named" test "$(of ".exemptions.why | contains(\"$RECORD\") and contains(\"$why\")")" = true
}
said "it is known while it stands" '"\(.exemptions.known)\(.exemptions.why)"' true
chmod 600 "$RECORD"
open_exemptions "a record that may not be read" "Permission denied" setpriv --reuid 65534 --clear-groups
printf '{"schema":' >"$RECORD"
open_exemptions "one that is cut off" ""
echo '{"schema": "another/1"}' >"$RECORD"
open_exemptions "one of another program" "another/1"
in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --mta none --sink builtin d1-m.com >text 2>&1 || true
tap_check "in words" grep -qE "^  unknown +which addresses the redirect leaves alone: $RECORD: " text
exempt "what is known to be bad is told all the same" d6-i.com 'true false inside' --config config
cp -p record "$RECORD"
in_ns "$H" "$KR" -q down 2>up.log || tap_note "$(cat up.log)"
printf 'lan = ["192.0.2.0/33"]\n' >config
STATUS=0 && in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --config config d1-m.com >out 2>err || STATUS=$?
tap_check "an exemption that is no prefix: exit 2" test "$STATUS" = 2
tap_check "  named" grep -q -- "--lan: .*192.0.2.0/33" err

# ---- what this process keeps ----
ip netns exec "$H" "$KR" preflight --resolver 127.0.0.1 --sink 127.0.0.1:2522 --fetch-timeout 30 --format json d1-g.com >out 2>err &
PARENT=$!
both() { pgrep -x kumo-fetch -P "$PARENT" && pgrep -x kumo-preflight -P "$PARENT"; }
wait_for 10 both >/dev/null || die "no programs: $(cat err)"
reduced() { [[ $(awk '$1 == "CapEff:" { print $2 }' "/proc/$PARENT/status") == 00000000000001e0 ]]; }
tap_check "it keeps what ends its programs and starts others as somebody else" wait_for 5 reduced
kill -TERM "$PARENT"
wait "$PARENT" || true
gone() { ! both >/dev/null; }
tap_check "its programs end with it" wait_for 10 gone

# ---- memory ----
# The filter would kill valgrind, whose own system calls are more; so here, and only here, it is not set.
mkdir vg
cp "$(realpath "$KR")" vg/kumo-redirect
gcc -shared -fPIC -x c -o vg/nofilter.so - <<'END'
void *seccomp_init(unsigned a) { static int it; (void)a; return &it; }
int seccomp_rule_add(void *f, unsigned a, int call, unsigned n, ...) { (void)f; (void)a; (void)call; return (int)(n & 0); }
int seccomp_rule_add_array(void *f, unsigned a, int c, unsigned n, const void *v) { (void)f; (void)a; (void)c; (void)v; return (int)(n & 0); }
int seccomp_load(const void *f) { (void)f; return 0; }
void seccomp_release(void *f) { (void)f; }
END
for p in kumo-preflight kumo-fetch; do
    cat >"vg/$p" <<END
#!/bin/sh
LD_PRELOAD=$LAB_DIR/vg/nofilter.so exec /usr/bin/valgrind -q --vgdb=no --leak-check=full --error-exitcode=99 \\
    --log-file=$LAB_DIR/vg/$p.%p.log $(realpath "$BUILD")/$p "\$@"
END
    chmod 755 "vg/$p"
done
chmod 1777 vg
STATUS=0
in_ns "$H" timeout 100 valgrind -q --vgdb=no --leak-check=full --error-exitcode=99 --log-file="$LAB_DIR/vg/redirect.%p.log" \
    vg/kumo-redirect preflight --resolver 127.0.0.1 --mta none --format json --sink 127.0.0.1:2502 --fetch-policy \
    --fetch-timeout 10 d2-m.com d4-o.com >out 2>err || STATUS=$?
tail -n 1 out >sum
tap_note "exit $STATUS, $(jq -c '[.verdict, .complete, .sink.starttls, .why, .fetcher]' sum) $(head -c 500 err)"
tap_check "valgrind: it came to its end" test "$(of .complete)" = true -a "$(of .fetcher)" = ''
tap_check "  all three ran" test "$(find vg -name 'kumo-*.log' -o -name 'redirect.*.log' | wc -l)" -ge 3
tap_check "  and found nothing" test "$(cat vg/*.log | wc -c)" = 0
cat vg/*.log | head -40 | sed 's/^/# /'
tap_done
