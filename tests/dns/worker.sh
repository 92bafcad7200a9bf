#!/usr/bin/env bash
# The program that talks to the network: what it may do, and what becomes of its answers when it dies;
# where domains come from; what is wrong usage.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
lab_init k
ns_add "$H"
spawn_ready world "$H" "$TOOLS/dnsworld"
cd "$LAB_DIR"

# run OPTION...: its status in STATUS, its words in out and err.
run() {
    STATUS=0
    in_ns "$H" "$KR" preflight --resolver 127.0.0.1 "$@" >out 2>err </dev/null || STATUS=$?
}
equal() { [[ $1 == "$2" ]] || { tap_note "wanted '$2', got '$1'; $(head -c 400 err)"; return 1; }; }
domains() { jq -r 'select(.domain) | "\(.domain):\(.weight)"' out | paste -sd' '; }

# ---- what it may do ----
printf 'd%d-z.com\n' {1..20} >silent
ip netns exec "$H" "$KR" preflight --resolver 127.0.0.1 --domains-file silent --format json >out 2>err &
PARENT=$!
worker() { WORKER=$(pgrep -x kumo-preflight -P "$PARENT") && grep -q '^Seccomp:.*2' "/proc/$WORKER/status"; }
wait_for 10 worker || die "no worker: $(cat err)"
status_of() { awk -v k="$1:" '$1 == k { $1 = ""; print substr($0, 2) }' "/proc/$WORKER/status"; }
tap_check "it is nobody" equal "$(status_of Uid)" "65534 65534 65534 65534"
tap_check "of no other group" equal "$(status_of Groups)" ""
tap_check "without a capability" equal "$(status_of CapPrm) $(status_of CapEff) $(status_of CapBnd)" \
    "0000000000000000 0000000000000000 0000000000000000"
tap_check "nor a way to get one" equal "$(status_of NoNewPrivs)" 1
tap_check "behind a filter of system calls" equal "$(status_of Seccomp)" 2
kill -SEGV "$WORKER"
STATUS=0
wait "$PARENT" || STATUS=$?
tap_check "when it dies, all is unknown" equal "$STATUS $(jq -r '"\(.verdict) \(.complete)"' out)" "4 unknown false"
tap_check "and it is said why" grep -q 'ended by signal 11' out

# ---- where domains come from ----
run --format json d1-g.com D2-g.com:2.5 --domain d3-g.com:.5 --domain=d1-g.com
tap_check "arguments, with weights" equal "$(domains)" "d3-g.com:0.5 d1-g.com:2 d2-g.com:2.5"
printf '# mine\nd4-g.com\n\nd5-g.com:3\r\n' >list
run --format json --domains-file list d6-g.com
tap_check "a file" equal "$(domains)" "d6-g.com:1 d4-g.com:1 d5-g.com:3"
STATUS=0
printf 'd7-g.com' | in_ns "$H" "$KR" preflight --resolver 127.0.0.1 --domains-file - --format json >out 2>err || STATUS=$?
tap_check "standard input" equal "$(domains)" "d7-g.com:1"

# ---- pipes that nobody writes to yet ----
mkfifo one two
from_pipes() {
    ip netns exec "$H" "$KR" preflight --resolver 127.0.0.1 --domains-file one --domains-file two --format json >out 2>err &
    PARENT=$!
    wait_for 10 has_open two || die "the pipes were not opened: $(cat err)"
}
has_open() { find "/proc/$PARENT/fd" -lname "$PWD/$1" | grep -q .; }
ended() {
    STATUS=0
    wait_for 20 gone || { tap_note "it goes on" && kill -9 "$PARENT"; }
    wait "$PARENT" || STATUS=$?
}
gone() { [[ ! -e /proc/$PARENT/stat || $(sed 's/.*) //; s/ .*//' "/proc/$PARENT/stat") == Z ]]; }
from_pipes
timeout 10 sh -c 'echo d8-g.com >two; echo d7-g.com:2 >one'
ended
tap_check "they are waited for, whichever comes first" equal "$(domains)" "d7-g.com:2 d8-g.com:1"
from_pipes
kill -TERM "$PARENT"
ended
tap_check "and SIGTERM ends that" equal "$STATUS $(cat err)" "4 kumo-redirect: error: interrupted"
run --format json --from-command -- traffic-gen --domain-suffix x.example --domain d8-g.com:67.4 --header --domain \
    --domain=d9-g.com --target 127.0.0.1:25 --keep-going
tap_check "traffic-gen's words" equal "$(domains)" "d8-g.com:67.4 d9-g.com:1"
run --format json --from-command "traffic-gen --domain 'd8-g.com:2' --domain=\"d9-g.com\" --body-size 60kb"
tap_check "traffic-gen's command line as one word" equal "$(domains)" "d8-g.com:2 d9-g.com:1"
run --format json --from-command -- traffic-gen --keep-going
tap_check "its own defaults" equal "$(domains)" "aol.com:1 gmail.com:1 hotmail.com:1 yahoo.com:1"
run --format json
tap_check "nothing given: the same" equal "$(domains)" "aol.com:1 gmail.com:1 hotmail.com:1 yahoo.com:1"
printf 'domain = ["d1-g.com", "d2-g.com"]\nmta = "exim"\n' >config
run --config config --format json
tap_check "the configuration file" equal "$(domains) $(jq -r 'select(.mtas) | .mta' out)" "d1-g.com:1 d2-g.com:1 exim"

# ---- how it is said ----
run d1-g.com
tap_check "Google's domains need TLS by KumoMTA's shaping" equal "$STATUS" 1
tap_check "said with a remedy" grep -q 'do: KumoMTA: enable_tls' out
run --mta exim d1-i.com d2-o.com
tap_check "clean is exit 0" equal "$STATUS $(head -c 5 out)" "0 CLEAN"
run --mta exim d1-f.com
tap_check "a failing MX lookup is a hazard" equal "$STATUS" 1
run --mta postfix --domain d1-h-1.org:3 d2-h-1.org d3-h-2.org d4-i.com
tap_check "domains are counted by their MX hosts, and by weight" \
    grep -qF 'hazard    dane: 3 domains (83.3 % of the weight) on 2 MX host groups: ' out
tap_check "  and the largest groups are named" grep -qx ' *on hosting1.org (2), hosting2.org (1)' out
printf 'd%d-o.com\n' {1..400} >many
in_ns "$H" script -qec "'$KR' preflight --resolver 127.0.0.1 --mta none --format json --domains-file many --qps 600 >out" tty >/dev/null || true
tap_check "on a terminal: how many, how fast, how many are unknown, how long it takes yet" \
    grep -qE $'\r\033\\[K[1-9][0-9]*/400 domains, [1-9][0-9]*/s, 0 unknown, [0-9]+ s left' tty
tap_check "  more than once a second" test "$(grep -o '/400 domains' tty | wc -l)" -gt 4
tap_check "  and then it is gone" grep -q $'\r\033\\[K$' tty
run --mta none --format json --domains-file many
tap_check "elsewhere not a word of it" equal "$(wc -c <err)" 0
run --format json d1-g.com d2-z.com d3-h-1.org d4-x.com
python3 - "$REPO/contrib/schema" <<'END' >schema.log 2>&1 && VALID=yes || VALID=no
import json, sys
import jsonschema
schemas = {}
for name in ("preflight", "preflight-domain"):
    with open(f"{sys.argv[1]}/{name}.schema.json") as f:
        schemas[f"kumo-redirect/{name}/1"] = json.load(f)
lines = [json.loads(l) for l in open("out")]
assert len(lines) == 5, len(lines)
for line in lines:
    jsonschema.validate(line, schemas[line["schema"]])
END
tap_check "JSON is what its schemas say" equal "$VALID$(head -c 300 schema.log)" yes

# ---- wrong usage ----
printf 'good.example\nbad..example\n\nuser@a.example\n' >list
run --domains-file list
tap_check "no domain: exit 2" equal "$STATUS" 2
tap_check "with its line" grep -q "list:2: 'bad..example': an empty label" err
tap_check "and the next one" grep -q "list:4: 'user@a.example': an address, not a domain" err
tap_check "nothing on standard output" equal "$(wc -c <out)" 0
run --domains-file nowhere
tap_check "no such file: exit 2" equal "$STATUS" 2
run --resolver dns.example d1-g.com
tap_check "no address of a server: exit 2" equal "$STATUS" 2
run --anchor nowhere d1-g.com
tap_check "no such anchor: exit 3" equal "$STATUS" 3
run --from-command
tap_check "no command: exit 2" equal "$STATUS" 2
run --format tap d1-g.com
tap_check "no such format: exit 2" equal "$STATUS" 2
STATUS=0
in_ns "$H" "$KR" preflight --resolver 127.0.0.5 d1-g.com >out 2>err || STATUS=$?
tap_check "nobody answers: exit 4" equal "$STATUS" 4
tap_done
