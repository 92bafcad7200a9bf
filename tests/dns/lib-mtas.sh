# shellcheck shell=bash
# Real Postfix and Exim in the DNS lab. Every address an MX has is one of the lab's host, where a sink
# answers on port 25: what a redirect does to a delivery, without one.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/dns/lib-dns.sh
. "$TESTS/dns/lib-dns.sh"
# shellcheck source=tests/dns/lib-zones.sh
. "$TESTS/dns/lib-zones.sh"
# shellcheck source=tests/dns/lib-certs.sh
. "$TESTS/dns/lib-certs.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
# shellcheck source=tests/smtp/lib-mta.sh
. "$TESTS/smtp/lib-mta.sh"

declare -A REAL FORETOLD
SINK_SEEN=()

# mtas_lab TAG PACKAGE...: the DNS lab with its zones served and asked, or the suite is skipped. What
# STS_ZONE holds goes into test. as well.
mtas_lab() {
    local tag=$1
    shift
    ((EUID == 0)) || { echo "1..0 # SKIP network namespaces need root"; exit 0; }
    pkg_need "${DNS_NEEDS[@]}" "$@" || { echo "1..0 # SKIP the mail servers can't be fetched"; exit 0; }
    dns_init "$tag"
    zones_of_rows
    nsd_up 127.0.0.2
    unbound_up
    mtas_init
}

# ---- several at once -----------------------------------------------------------------------------

BESIDE=0 BESIDE_MOST=4 BESIDE_TOLD=0
BESIDE_LIMIT=300 # seconds: ten times what the longest takes where all processors are busy with others
BESIDE_PID=() BESIDE_UNTIL=() BESIDE_DOES=()
# Put before what must not find the mail servers of those beside it.
UNSEEN=(unshare --pid --fork --kill-child --mount-proc)

# beside COMMAND...: in a shell of its own, beside others, with a folder, an /etc, a queue and a port of
# its own. What it says is told in order, once it has ended.
beside() {
    local n=$BESIDE
    BESIDE=$((n + 1))
    beside_await "$BESIDE_MOST"
    mkdir "$LAB_DIR/beside.$n"
    chmod 755 "$LAB_DIR/beside.$n"
    (
        trap - EXIT # the lab is not this shell's to take down
        LAB_DIR=$LAB_DIR/beside.$n
        cp -a "$ETC" "$LAB_DIR/etc"
        ETC=$LAB_DIR/etc MTA_DIR=$LAB_DIR/mta MTA_PORT=$((5870 + n))
        pkg_run "$ETC"
        "$@"
        echo "# end"
    ) >"$LAB_DIR/beside.$n/said" 2>&1 &
    LAB_PIDS+=("$!")
    BESIDE_PID[n]=$! BESIDE_UNTIL[n]=$((SECONDS + BESIDE_LIMIT)) BESIDE_DOES[n]="$1 ${2:-}"
}

# beside_await N: until fewer than N of them run. Each has its limit, so this comes to an end.
beside_await() { wait_for $((BESIDE_LIMIT * 2)) beside_fewer "$1"; }
beside_fewer() {
    local i n=0
    for i in "${!BESIDE_PID[@]}"; do
        if ! kill -0 "${BESIDE_PID[i]}" 2>/dev/null; then
            unset "BESIDE_PID[i]"
        elif ((SECONDS < BESIDE_UNTIL[i])); then
            n=$((n + 1))
        else
            beside_end "$i"
        fi
    done
    while ((BESIDE_TOLD < BESIDE)) && [[ -d $LAB_DIR/beside.$BESIDE_TOLD && -z ${BESIDE_PID[BESIDE_TOLD]:-} ]]; do
        beside_tell "$BESIDE_TOLD"
        BESIDE_TOLD=$((BESIDE_TOLD + 1))
    done
    ((n < $1))
}

# beside_end I: it has stood. What runs in the lab, and where in the kernel it waits, is told before its shell
# is ended; what that had started goes with the lab.
beside_end() {
    tap_note "${BESIDE_DOES[$1]} has not ended after $BESIDE_LIMIT s. In the lab there run:"
    tap_note "$(ip netns pids "$H" | paste -sd, | xargs ps -ww -o pid,ppid,etimes,stat,wchan:20,args -p 2>&1)"
    tap_note "$(tail -n 5 "$LAB_DIR/beside.$1"/{err,postfix.log,mta/log} 2>&1)"
    kill -9 "${BESIDE_PID[$1]}" 2>/dev/null || true
    wait_for 10 gone "${BESIDE_PID[$1]}" || true
    unset "BESIDE_PID[$1]"
}

# beside_tell I: its results are this shell's.
beside_tell() {
    local line last=
    while IFS= read -r line; do
        last=$line
        case $line in
        "ok "*) tap_ok "${line#* - }" ;;
        "not ok "*) tap_not_ok "${line#* - }" ;;
        "# end") ;;
        *) echo "$line" ;;
        esac
    done <"$LAB_DIR/beside.$1/said"
    [[ $last == "# end" ]] || tap_not_ok "${BESIDE_DOES[$1]}: it came to its end"
    rm -rf "$LAB_DIR/beside.$1"
}

# together: waits for all of them.
together() {
    beside_await 1 || die "${BESIDE_DOES[*]}: some of them still run"
    BESIDE=0 BESIDE_TOLD=0
}

# ---- the lab -------------------------------------------------------------------------------------

# mtas_init: users, addresses; ETC is what the programs see as /etc.
mtas_init() {
    ETC=$DNS/etc
    MTA_DIR=$LAB_DIR/mta MTA_PORT=587
    mkdir -p "$ETC/postfix" "$ETC/exim4"
    printf 'nameserver 127.0.0.1\noptions timeout:3 attempts:1 trust-ad\n' >"$ETC/resolv.conf"
    printf '127.0.0.1 localhost\n' >"$ETC/hosts"
    printf 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\n' >"$ETC/nsswitch.conf"
    printf 'postfix:x:2525:2525::/nonexistent:/usr/sbin/nologin\nDebian-exim:x:2527:2527::/:/usr/sbin/nologin\n' >>"$ETC/passwd"
    printf 'postfix:x:2525:\npostdrop:x:2526:\nDebian-exim:x:2527:\n' >>"$ETC/group"
    ip -n "$H" route add local 192.0.2.0/24 dev lo
}

# sink25_up OPTIONS...: port 25 of every address.
sink25_up() {
    rm -f "$LAB_DIR/control"
    spawn sink "$H" "$KR_SINK" -w 1 -l 0.0.0.0:25 -c "$LAB_DIR/control" --live never "$@"
    # shellcheck disable=SC2034
    SINK=$SPAWNED
    wait_for 10 asks ping >/dev/null || die "no sink: $(cat "$LAB_DIR/sink.log")"
}

# ---- Postfix -------------------------------------------------------------------------------------

# postfix_etc LINES [TRANSPORT-OPTIONS]: its configuration; options are those of the smtp service.
postfix_etc() {
    {
        mta_main | grep -vE '^(smtp_tls_security_level|smtp_address_preference|inet_protocols|smtp_connect_timeout|minimal_backoff_time|maximal_backoff_time|queue_run_delay)'
        printf 'inet_protocols = ipv4\nsmtp_connect_timeout = 2s\nminimal_backoff_time = 300s\nmaximal_backoff_time = 300s\n'
        printf 'queue_run_delay = 300s\ndefault_transport = smtp\n%b' "$1"
    } >"$ETC/postfix/main.cf"
    mta_master | grep -v '^127.0.0.1:25' | sed "s|^127.0.0.1:587|127.0.0.1:$MTA_PORT|; s|^smtp unix.*|&${2:+ $2}|; s|^relay unix.*|&\nstrict unix - - n - - smtp -o smtp_tls_security_level=encrypt|" \
        >"$ETC/postfix/master.cf"
}
postfix_up() {
    rm -rf "$MTA_DIR"
    mta_queue_folders
    spawn postfix "$H" "${PKG_RUN[@]}" /usr/lib/postfix/sbin/master -c /etc/postfix
    wait_for 30 postfix_answers || die "Postfix did not start: $(cat "$LAB_DIR/postfix.log" "$MTA_DIR/log" 2>&1)"
}
postfix_answers() { in_ns "$H" "$TOOLS/tcpconn" -w 300 127.0.0.1 "$MTA_PORT" 2>/dev/null | grep -q '220 mta'; }
# postfix_sends DOMAIN...: a message for each; what became of the first attempt of each is in REAL.
postfix_sends() {
    postfix_up
    mta_inject $# "$MTA_PORT" "$*"
    wait_for 45 all_tried $# || tap_note "not all were tried: $(tail -n 3 "$MTA_DIR/log")"
    mta_stop
    REAL=()
    local domain status
    while read -r domain status; do
        [[ -v REAL[$domain] ]] || REAL[$domain]=$status
    done < <(sed -nE 's/.* to=<user-[0-9]+@([^>]*)>.* status=([a-z]+) .*/\1 \2/p' "$MTA_DIR/log")
}
all_tried() { (($(sed -nE 's/.* to=<(user-[^>]*)>.* status=.*/\1/p' "$MTA_DIR/log" | sort -u | wc -l) >= $1)); }
postfix_says() { grep -F "@$1>" "$MTA_DIR/log" | sed -nE 's/.*(status=.*)/\1/p' | head -n 1; }

# ---- Exim ----------------------------------------------------------------------------------------

# exim_etc LINES OF THE TRANSPORT
exim_etc() {
    cat >"$ETC/exim4/exim4.conf" <<END
exim_user = Debian-exim
primary_hostname = mta.load.example
SPOOL = $LAB_DIR/exim
spool_directory = SPOOL
log_file_path = SPOOL/%slog
never_users =
dns_retry = 1
dns_retrans = 4s
disable_ipv6
begin routers
away:
  driver = dnslookup
  domains = ! mta.load.example : ! b.example
  self = send
  transport = remote
none:
  driver = redirect
  domains = b.example
  data = :blackhole:
begin transports
remote:
  driver = smtp
  connect_timeout = 2s
  allow_localhost
$1
begin retry
* * F,1d,1h
END
}
# exim_sends DOMAIN...: each by an Exim of its own, which knows of no other's failures.
exim_sends() {
    local domain pids=()
    rm -rf "$LAB_DIR/exim"
    mkdir "$LAB_DIR/exim"
    REAL=()
    for domain; do
        install -d -o 2527 "$LAB_DIR/exim/$domain"
        printf 'From: a@b.example\nSubject: x\n\nx\n' | in_ns "$H" "${PKG_RUN[@]}" timeout 60 /usr/sbin/exim4 \
            -DSPOOL="$LAB_DIR/exim/$domain" -odf -f a@b.example "user@$domain" >"$LAB_DIR/exim/$domain/out" 2>&1 &
        pids+=("$!")
    done
    wait "${pids[@]}"
    for domain; do
        REAL[$domain]=$(exim_became "$domain")
    done
}
exim_became() {
    local mark
    mark=$(sed -nE 's/.* (=>|->|==|\*\*) user@.*/\1/p' "$LAB_DIR/exim/$1/mainlog" | tail -n 1)
    case $mark in '=>' | '->') echo sent ;; '==') echo deferred ;; '**') echo bounced ;; esac
}
exim_says() { grep -F "user@$1" "$LAB_DIR/exim/$1/mainlog" | tail -n 1 | cut -c 40-220; }

# ---- what was foretold, and what became of it ----------------------------------------------------

# foretell MTA OPTION... -- DOMAIN...: outcomes in FORETOLD, as preflight tells them.
foretell() {
    local mta=$1 domain outcome PKG_RUN=("${UNSEEN[@]}" "${PKG_RUN[@]}")
    shift
    preflight --mta "$mta" "$@"
    FORETOLD=()
    while read -r domain outcome; do
        FORETOLD[$domain]=$outcome
    done < <(jq -r 'select(.domain) | "\(.domain) \(.outcome)"' "$LAB_DIR/out")
    [[ $(sum '.mtas[0].assumed') == false ]] || tap_note "it was not asked: $(sum .local)"
}
# agrees MTA WHAT DOMAIN: mail that goes by a less good MX host still goes.
agrees() {
    local want=no got=no
    case ${FORETOLD[$3]:-} in delivers | downgrades) want=sent ;; fails) want=stays ;; esac
    case ${REAL[$3]:-} in sent) got=sent ;; deferred | bounced) got=stays ;; esac
    if [[ $want == "$got" && $want != no ]]; then
        tap_ok "$1, $2: $3 ${FORETOLD[$3]}"
    else
        tap_not_ok "$1, $2: $3: foretold ${FORETOLD[$3]:-nothing}, and it was ${REAL[$3]:-not tried}: $("$1_says" "$3")"
    fi
}
# compare MTA WHAT DOMAIN...: foretold, sent, and compared.
compare() {
    local mta=$1 what=$2 domain
    shift 2
    foretell "$mta" "${SINK_SEEN[@]}" "$@"
    "${mta}_sends" "$@"
    for domain; do agrees "$mta" "$what" "$domain"; done
}
# emit MTA DOMAIN...: a configuration, in $LAB_DIR/emitted.
emit() {
    local mta=$1
    shift
    STATUS=0
    in_ns "$H" "${ASKING[@]}" "${UNSEEN[@]}" "${PKG_RUN[@]}" "$KR" preflight --anchor "$DNS/keys/..ds" "${SINK_SEEN[@]}" \
        --emit "$mta" "$@" >"$LAB_DIR/emitted" 2>"$LAB_DIR/err" || STATUS=$?
    asking_stood "$STATUS" "preflight --emit $mta $*"
    ((STATUS <= 1)) || tap_note "$(cat "$LAB_DIR/err")"
}

# The truth table, and a few that tell settings apart.
ROWS=(row1.s row2.s row3.s row4.s row5.s row6.s row7.s row8.s row9.u row9b.u row9c.u row10.s row11.u row13.s gone.s
    row14.s x.wild.s both.s noaddr.s plain.u d.b d.x d.n d.k d.lame sts.s)
ROWS=("${ROWS[@]/%/.test}")
# shellcheck disable=SC2034
SOME=(row1.s.test row3.s.test row9.u.test plain.u.test)
