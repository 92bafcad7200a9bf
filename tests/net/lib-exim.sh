# shellcheck shell=bash
# A real Exim on the lab's host, at port 2500, its configuration where Debian has it. Source it after lib-postfix.sh, whose DNS it asks.

EXIM=''
EXIM_MAIN=''   # more lines of the main section
EXIM_RUNS=-q1h # how often it goes through its queue

# exim_etc [LINES OF THE TRANSPORT]: a spool without a message, and a configuration.
exim_etc() {
    grep -q Debian-exim "$ETC/passwd" || echo 'Debian-exim:x:2527:2527::/nonexistent:/usr/sbin/nologin' >>"$ETC/passwd"
    grep -q Debian-exim "$ETC/group" || echo 'Debian-exim:x:2527:' >>"$ETC/group"
    mkdir -p "$ETC/exim4"
    cat >"$ETC/exim4/exim4.conf" <<END
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = exim.load.example
spool_directory = $LAB_DIR/exim
log_file_path = $LAB_DIR/exim/%slog
never_users =
acl_smtp_rcpt = accept
host_lookup =
smtp_accept_max = 50
keep_environment =
tls_advertise_hosts =
smtp_accept_queue_per_connection = 0
queue_run_max = 20
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
    rm -rf "$LAB_DIR/exim"
    install -d -o 2527 -g 2527 "$LAB_DIR/exim"
}
exim() { nsenter --mount="/proc/$EXIM/ns/mnt" --net="/run/netns/$H" /usr/sbin/exim4 "$@" 2>&1; }
exim_heads() { find "$LAB_DIR/exim" -name '*-H' | wc -l; }
exim_deferred() { (($(exim_heads) == $1 && $(grep -c ' == ' "$LAB_DIR/exim/mainlog") >= $1)); }
exim_start() {
    spawn exim "$H" "${PKG_RUN[@]}" /usr/sbin/exim4 -bdf "$EXIM_RUNS" -oX '<, 127.0.0.1.2500'
    EXIM=$SPAWNED
    wait_for 10 exim_answers || die "Exim did not start: $(cat "$LAB_DIR/exim.log" "$LAB_DIR"/exim/*log)"
}
exim_answers() { in_ns "$H" "$TOOLS/tcpconn" -w 300 127.0.0.1 2500 2>/dev/null | grep -q '220 exim'; }
