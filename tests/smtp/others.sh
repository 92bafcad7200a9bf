#!/usr/bin/env bash
# Exim, OpenSMTPD and msmtp, unpacked and not installed: what they send arrives, over TLS that they
# verify; what the policy refuses and defers shows up in their logs and queues.
#
#     Exim, OpenSMTPD, msmtp --127.0.0.1:2026--> sink         (all in one namespace)
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"
# shellcheck source=tests/smtp/lib-mta.sh
. "$TESTS/smtp/lib-mta.sh"

if ((EUID != 0)); then
    echo "1..0 # SKIP network namespaces need root"
    exit 0
fi
lab_init o
ns_add "$H"
mta_etc
add_user() { # NAME ID
    echo "$1:x:$2:$2::/var/lib/opensmtpd/empty:/usr/sbin/nologin" >>"$ETC/passwd"
    echo "$1:x:$2:" >>"$ETC/group"
}
add_user Debian-exim 2527
add_user opensmtpd 2528
add_user opensmtpq 2529
echo '127.0.0.1 mx.lab.example mta.load.example' >>"$ETC/hosts"
pkg_run "$ETC"
CA=$LAB_DIR/ca
LAB_CA=(--tls lab-ca --ca-dir "$CA")
LETTER='From: a@b.example\nSubject: x\n\n.\n..\nend\n'

# ---- msmtp ---------------------------------------------------------------------------------------

# use_msmtp RECIPIENT OPTIONS...
use_msmtp() {
    local to=$1
    shift
    printf '%b' "$LETTER" | in_ns "$H" "${PKG_RUN[@]}" /usr/bin/msmtp --file=/dev/null --host=127.0.0.1 --port=2026 \
        --from=a@b.example "$@" "$to" >"$LAB_DIR/msmtp" 2>&1
}

msmtp_delivers() {
    local tls
    sink_up --auth "${LAB_CA[@]}"
    for tls in off on; do
        use_msmtp c@d.example --auth=plain --user=u --passwordeval='echo p' --tls=$tls \
            --tls-trust-file="$CA/ca.pem" || tap_note "$(cat "$LAB_DIR/msmtp")"
    done
    sink_down
    equal "$(counted '"\(.messages) \(.auth) \(.tls_sessions)"')" "2 2 1"
}

# Of sysexits.h msmtp makes 65 of a refused recipient and 69 of refused content.
msmtp_is_refused() {
    local status=0 deferred=0
    policy_to_show
    sink_up --policy "$LAB_DIR/policy.toml"
    use_msmtp c@refuse.example || status=$?
    grep -q '553 5.1.3 no such place' "$LAB_DIR/msmtp" || tap_note "$(cat "$LAB_DIR/msmtp")"
    use_msmtp c@defer.example || deferred=$?
    sink_down
    grep -q '451 4.3.0 not today' "$LAB_DIR/msmtp" || tap_note "$(cat "$LAB_DIR/msmtp")"
    equal "$status $deferred $(counted .messages)" "65 69 0"
}

# ---- Exim ----------------------------------------------------------------------------------------

# exim_etc LINES OF THE TRANSPORT
exim_etc() {
    cat >"$ETC/exim.conf" <<END
exim_user = Debian-exim
primary_hostname = mta.load.example
spool_directory = $LAB_DIR/exim
log_file_path = $LAB_DIR/exim/%slog
never_users =
begin routers
away:
  driver = manualroute
  domains = ! mta.load.example : ! b.example
  route_list = * mx.lab.example byname
  self = send
  transport = sink
none:
  driver = redirect
  data = :blackhole:
begin transports
sink:
  driver = smtp
  port = 2026
$1
begin retry
* * F,1d,1h
END
    rm -rf "$LAB_DIR/exim"
    install -d -o 2527 "$LAB_DIR/exim"
}
exim() { in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/exim4 -C /etc/exim.conf "$@" 2>&1; }
exim_sends() {
    printf '%b' "$LETTER" | exim -odf -f a@b.example "$@" >"$LAB_DIR/exim.out" ||
        tap_note "$(cat "$LAB_DIR/exim.out")"
}
exim_says() { tail -n 8 "$LAB_DIR"/exim/mainlog; }

exim_delivers() {
    sink_up --chunking "${LAB_CA[@]}"
    exim_etc "  hosts_try_chunking = *
  hosts_require_tls = *
  tls_verify_certificates = $CA/ca.pem
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
  tls_sni = mx.lab.example"
    exim_sends c@d.example e@d.example
    sink_down
    equal "$(counted '"\(.messages) \(.recipients) \(.tls_named)"')" "1 2 1" &&
        stands_like 2 ' K C="250 2.0.0 Ok' "$LAB_DIR/exim/mainlog" ||
        { tap_note "$(exim_says)"; return 1; }
}

exim_shows() {
    local log=$LAB_DIR/exim/mainlog to
    policy_to_show
    sink_up --policy "$LAB_DIR/policy.toml"
    exim_etc ""
    for to in bounce refuse defer good; do
        exim_sends "a@$to.example"
    done
    sink_down
    stands_like 1 '\*\* a@bounce.example .*550 5.1.1 nobody of this name' "$log" &&
        stands_like 1 '\*\* a@refuse.example .*553 5.1.3 no such place' "$log" &&
        stands_like 1 '== a@defer.example .*451 4.3.0 not today' "$log" &&
        stands_like 1 '=> a@good.example' "$log" &&
        equal "$(exim -bpc)" 1 && equal "$(exim -bpr | grep -c 'a@defer.example')" 1 ||
        { tap_note "$(exim_says)"; return 1; }
}

# ---- OpenSMTPD -----------------------------------------------------------------------------------

# Its folders are fixed: it gets a /var/lib, /var/spool and /run of its own in its mount namespace.
IN_OPENSMTPD=(bash -c '
    for f in var/lib var/spool run; do mount --bind "$1/$f" "/$f" || exit 126; done
    shift
    exec "$@"' opensmtpd "$LAB_DIR/smtpd")
smtpctl() { in_ns "$H" "${PKG_RUN[@]}" "${IN_OPENSMTPD[@]}" setpriv --egid 2529 --keep-groups /usr/sbin/smtpctl "$@" 2>&1; }
opensmtpd_runs() { in_ns "$H" ss -Hltn 'sport = :587' | grep -q .; }

# opensmtpd_up RELAY: a fresh one.
opensmtpd_up() {
    local f=$LAB_DIR/smtpd
    rm -rf "$f"
    install -d "$f/var/lib/opensmtpd" "$f/run"
    install -d -m 711 "$f/var/lib/opensmtpd/empty" "$f/var/spool" "$f/var/spool/smtpd"
    cat >"$ETC/smtpd.conf" <<END
listen on 127.0.0.1 port 587 hostname mta.load.example
action "away" relay host $1 helo mta.load.example
action "here" relay host "smtp+notls://127.0.0.1:9"
match from any for domain "mta.load.example" action "here"
match from any for any action "away"
END
    mkdir -p "$ETC/ssl/certs"
    cp "$CA/ca.pem" "$ETC/ssl/certs/ca-certificates.crt"
    spawn smtpd "$H" "${PKG_RUN[@]}" "${IN_OPENSMTPD[@]}" /usr/sbin/smtpd -dv
    OPENSMTPD=$SPAWNED
    wait_for 15 opensmtpd_runs || die "OpenSMTPD did not start: $(cat "$LAB_DIR/smtpd.log")"
}
opensmtpd_down() {
    kill "$OPENSMTPD"
    wait_for 10 gone "$OPENSMTPD"
}
opensmtpd_says() { grep -E " mta |smtp-out|warn" "$LAB_DIR/smtpd.log" | tail -n 8; }
ended() { (($(grep -cE ' mta delivery .*result="' "$LAB_DIR/smtpd.log") >= $1)); }

# It sends no server name: the certificate is one for the address.
opensmtpd_delivers() {
    sink_up "${LAB_CA[@]}"
    opensmtpd_up '"smtp+tls://127.0.0.1:2026" tls'
    mta_inject 30 587 "d.example e.example"
    wait_for 30 ended 30 || tap_note "$(opensmtpd_says)"
    opensmtpd_down
    sink_down
    stands_like 30 ' mta delivery .*result="Ok"' "$LAB_DIR/smtpd.log" &&
        equal "$(counted '"\(.messages) \(.bare_lf + .bare_cr + .would_smuggle + .early_talkers)"')" "30 0" &&
        test "$(counted .tls_sessions)" -gt 0 || { tap_note "$(opensmtpd_says)"; return 1; }
}

# By the name of the host it connects to, which it tells nobody: the sink must know it.
opensmtpd_by_name() {
    sink_up "${LAB_CA[@]}" --tls-name 192.0.2.0/24=other.example --tls-name 127.0.0.0/8=mx.lab.example
    opensmtpd_up '"smtp+tls://mx.lab.example:2026" tls'
    mta_inject 5 587 d.example
    wait_for 30 ended 5 || tap_note "$(opensmtpd_says)"
    opensmtpd_down
    sink_down
    stands_like 5 ' mta delivery .*result="Ok"' "$LAB_DIR/smtpd.log" &&
        equal "$(counted '"\(.messages) \(.tls_named)"')" "5 0" || { tap_note "$(opensmtpd_says)"; return 1; }
}

opensmtpd_does_not_trust() {
    sink_up --tls self-signed
    opensmtpd_up '"smtp+tls://127.0.0.1:2026" tls'
    mta_inject 1 587 d.example
    wait_for 30 ended 1 || tap_note "$(opensmtpd_says)"
    opensmtpd_down
    sink_down
    stands_like 1 ' mta delivery .*result="TempFail"' "$LAB_DIR/smtpd.log" &&
        equal "$(counted '"\(.messages) \(.connections > 0)"')" "0 true" || { tap_note "$(opensmtpd_says)"; return 1; }
}

opensmtpd_in_clear() {
    sink_up
    opensmtpd_up '"smtp+notls://127.0.0.1:2026"'
    mta_inject 30 587 "d.example e.example"
    wait_for 30 ended 30 || tap_note "$(opensmtpd_says)"
    opensmtpd_down
    sink_down
    equal "$(counted '"\(.messages) \(.tls_sessions)"')" "30 0"
}

opensmtpd_shows() {
    local log=$LAB_DIR/smtpd.log
    policy_to_show
    sink_up --policy "$LAB_DIR/policy.toml"
    opensmtpd_up '"smtp+notls://127.0.0.1:2026"'
    mta_inject 4 587 "bounce.example refuse.example defer.example good.example"
    wait_for 30 ended 4 || tap_note "$(opensmtpd_says)"
    smtpctl show queue >"$LAB_DIR/queue"
    opensmtpd_down
    sink_down
    stands_like 1 'bounce.example.*result="PermFail" stat="550 5.1.1 nobody of this name' "$log" &&
        stands_like 1 'refuse.example.*result="PermFail" stat="553 5.1.3 no such place' "$log" &&
        stands_like 1 'defer.example.*result="TempFail" stat="451 4.3.0 not today' "$log" &&
        stands_like 1 'good.example.*result="Ok"' "$log" &&
        stands_like 1 'user-2@defer.example.*not today' "$LAB_DIR/queue" ||
        { tap_note "$(opensmtpd_says; cat "$LAB_DIR/queue")"; return 1; }
}

# try PACKAGE NAME TEST
try() {
    if pkg_need "$1"; then tap_check "$2" "$3"; else tap_skip "$2" "it can't be fetched"; fi
}
try msmtp "msmtp: AUTH, and verified TLS" msmtp_delivers
try msmtp "msmtp: what the policy refuses and defers is its exit status" msmtp_is_refused
try exim4-daemon-light "Exim: verified TLS and CHUNKING" exim_delivers
try exim4-daemon-light "Exim: what the policy says is in its log and queue" exim_shows
try opensmtpd "OpenSMTPD: verified TLS" opensmtpd_delivers
try opensmtpd "OpenSMTPD: verified TLS, by the MX host's name" opensmtpd_by_name
try opensmtpd "OpenSMTPD does not deliver without the lab CA" opensmtpd_does_not_trust
try opensmtpd "OpenSMTPD: in clear" opensmtpd_in_clear
try opensmtpd "OpenSMTPD: what the policy says is in its log and queue" opensmtpd_shows
tap_done
