# shellcheck shell=bash
# A real Exim on the lab's host, at port 2500, its configuration where Debian has it. Source it after lib-postfix.sh, whose DNS it asks.

EXIM=''
EXIM_MAIN=''   # more lines of the main section
EXIM_RUNS=-q1h # how often it goes through its queue
EXIM_RUNNERS=20
EXIM_SPOOL='' # $LAB_DIR/exim unless it is said

# exim_etc [LINES OF THE TRANSPORT]: a spool without a message, and a configuration.
exim_etc() {
    EXIM_SPOOL=${EXIM_SPOOL:-$LAB_DIR/exim}
    grep -q Debian-exim "$ETC/passwd" || echo 'Debian-exim:x:2527:2527::/nonexistent:/usr/sbin/nologin' >>"$ETC/passwd"
    grep -q Debian-exim "$ETC/group" || echo 'Debian-exim:x:2527:' >>"$ETC/group"
    mkdir -p "$ETC/exim4"
    cat >"$ETC/exim4/exim4.conf" <<END
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = exim.load.example
spool_directory = $EXIM_SPOOL
log_file_path = $EXIM_SPOOL/%slog
never_users =
acl_smtp_rcpt = accept
host_lookup =
smtp_accept_max = 50
keep_environment =
tls_advertise_hosts =
smtp_accept_queue_per_connection = 0
queue_run_max = $EXIM_RUNNERS
$EXIM_MAIN
begin routers
away:
  driver = dnslookup
  domains = ! exim.load.example
  transport = remote
begin transports
remote:
  driver = smtp
${1:-}
begin retry
* * F,4d,1h
END
    rm -rf "$EXIM_SPOOL"
    install -d -o 2527 -g 2527 "$EXIM_SPOOL"
}
exim() { nsenter --mount="/proc/$EXIM/ns/mnt" --net="/run/netns/$H" /usr/sbin/exim4 "$@" 2>&1; }
exim_heads() { find "$EXIM_SPOOL" -name '*-H' | wc -l; }
exim_deferred() { (($(exim_heads) == $1 && $(grep -c ' == ' "$EXIM_SPOOL/mainlog") >= $1)); }
exim_start() {
    spawn exim "$H" "${PKG_RUN[@]}" /usr/sbin/exim4 -bdf "$EXIM_RUNS" -oX '<, 127.0.0.1.2500'
    EXIM=$SPAWNED
    wait_for 10 exim_answers || die "Exim did not start: $(cat "$LAB_DIR/exim.log" "$EXIM_SPOOL"/*log)"
}
exim_answers() { in_ns "$H" "$TOOLS/tcpconn" -w 300 127.0.0.1 2500 2>/dev/null | grep -q '220 exim'; }
