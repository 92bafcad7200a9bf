# shellcheck shell=bash
# A real Postfix on the lab's host, a real DNS server in inet, and mail for a dozen domains.
# Source it after tests/lib.sh, tests/pkg.sh and columns.sh. The names are real ones, the answers are the lab's.

DNS4=198.51.100.53
MTA_DIR='' ETC=''

# DOMAIN PREFERENCE HOST ADDRESS...; preference "-": no MX, the domain itself is the host.
mail_world() {
    cat <<END
gmail.com 5 gmail-smtp-in.l.google.com $MX4B $MX6B
gmail.com 10 alt1.gmail-smtp-in.l.google.com 142.250.153.26 2a00:1450:4013:c16::1a
yahoo.com 1 mta5.am0.yahoodns.net 67.195.204.72 67.195.228.94
yahoo.com 1 mta6.am0.yahoodns.net 98.136.96.74
aol.com 10 mx-aol.mail.gm0.yahoodns.net 98.136.96.91
outlook.com 5 outlook-com.olc.protection.outlook.com 52.101.8.44 52.101.42.0
icloud.com 10 mx01.mail.icloud.com 17.57.156.30
icloud.com 20 mx02.mail.icloud.com 17.42.251.62
comcast.net 5 mx1a1.comcast.net 96.102.18.147 2001:558:fe21:2a::6
posteo.de 10 mx01.posteo.de 185.67.36.61 2a05:bc0:1000::61:1
posteo.de 20 mx02.posteo.de 185.67.36.62
kernel.org 10 smtp1.kernel.org 2604:1380:4641:c500::1
kernel.org 20 smtp2.kernel.org 2600:3c04::f03c:95ff:fe5e:7468
debian.org 10 mailly.debian.org 2001:41b8:202:deb:6564:a62:52c3:4b72
bahn.example - bahn.example $MX4
post.example - post.example $MX6
shop.example - shop.example 203.0.113.77 2001:db8:f00::77
END
}

# mail_lab TAG: lab_init, and when the script ends the tool's files about the host go as well.
mail_lab() {
    lab_init "$1"
    trap mail_cleanup EXIT
}

mail_cleanup() {
    local status=$?
    set +e
    [[ ! -e /run/netns/$H ]] || forget_state
    (exit "$status")
    lab_cleanup
}

mail_domains() { mail_world | cut -d' ' -f1 | sort -u; }
mail_addresses() { mail_world | cut -d' ' -f4- | tr ' ' '\n' | sort -u; }

dns_config() {
    cat <<END
server:
  interface: $DNS4
  access-control: 0.0.0.0/0 allow
  chroot: ""
  username: ""
  directory: "$LAB_DIR"
  pidfile: "$LAB_DIR/unbound.pid"
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  module-config: "iterator"
  local-zone: "." static
END
    mail_world | awk '
        function data(x) { if (!seen[x]++) printf "  local-data: \"%s\"\n", x }
        $2 != "-" { data($1 ". 300 IN MX " $2 " " $3 ".") }
        { for (i = 4; i <= NF; i++) data($3 ". 300 IN " ($i ~ /:/ ? "AAAA" : "A") " " $i) }'
    echo 'remote-control:'
    echo '  control-enable: no'
}

# dns_start: after lab_world.
dns_start() {
    dns_config >"$LAB_DIR/unbound.conf"
    mta_etc
    pkg_run "$ETC"
    spawn dns "$I" "${PKG_RUN[@]}" /usr/sbin/unbound -d -c "$LAB_DIR/unbound.conf"
    await_line "$LAB_DIR/dns.log" 'start of service' 1 30 || die "no DNS: $(cat "$LAB_DIR/dns.log")"
}

# What the lab's programs see of /etc: the machine's, with two users, one resolver and a Postfix more.
mta_etc() {
    ETC=$LAB_DIR/etc
    mkdir -p "$ETC/postfix"
    chmod 711 "$LAB_DIR"
    { grep -v '^postfix:' /etc/passwd; echo 'postfix:x:2525:2525::/nonexistent:/usr/sbin/nologin'; } \
        >"$ETC/passwd"
    { grep -vE '^(postfix|postdrop):' /etc/group; echo 'postfix:x:2525:'; echo 'postdrop:x:2526:'; } \
        >"$ETC/group"
    printf 'nameserver %s\noptions timeout:2 attempts:2\n' "$DNS4" >"$ETC/resolv.conf"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$ETC/hosts"
    printf 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\n' >"$ETC/nsswitch.conf"
}

mta_main() {
    cat <<END
compatibility_level = 3.6
myhostname = mta.load.example
mydestination =
mynetworks = 127.0.0.0/8 [::1]/128
inet_interfaces = loopback-only
inet_protocols = all
smtp_address_preference = any
smtp_tcp_port = 25
alias_maps =
local_recipient_maps =
queue_directory = $MTA_DIR/queue
data_directory = $MTA_DIR/data
maillog_file = $MTA_DIR/log
maillog_file_prefixes = $MTA_DIR
mail_owner = postfix
setgid_group = postdrop
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
smtputf8_enable = no
smtp_connection_cache_destinations = static:all
smtp_connection_cache_time_limit = 60s
connection_cache_ttl_limit = 60s
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
smtp_connect_timeout = 3s
in_flow_delay = 0
END
    # The Postfix of the documentation's advice: TLS as it comes, no policies, no reports.
    echo 'smtp_tls_security_level = may'
}

# Port 587 as well: the documented line takes what is handed to 127.0.0.1:25.
mta_master() {
    cat <<END
127.0.0.1:25 inet n - n - - smtpd
127.0.0.1:587 inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - 40 smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
END
}

mta_queue_folders() {
    local f
    mkdir -p "$MTA_DIR/queue/pid" "$MTA_DIR/data"
    chmod 711 "$MTA_DIR"
    for f in active bounce corrupt defer deferred flush hold incoming private saved trace; do
        mkdir -m 700 "$MTA_DIR/queue/$f"
    done
    mkdir -m 730 "$MTA_DIR/queue/maildrop"
    mkdir -m 710 "$MTA_DIR/queue/public"
    chown 2525 "$MTA_DIR/data" "$MTA_DIR"/queue/*
    chown root "$MTA_DIR/queue/pid"
    chgrp 2526 "$MTA_DIR/queue/maildrop" "$MTA_DIR/queue/public"
}

# mta_start: after lab_host and dns_start. Its queue is in memory: nothing here is about disks.
mta_start() {
    lab_ram
    MTA_DIR=$LAB_RAM/mta
    rm -rf "$MTA_DIR"
    mta_queue_folders
    mta_main >"$ETC/postfix/main.cf"
    mta_master >"$ETC/postfix/master.cf"
    spawn postfix "$H" "${PKG_RUN[@]}" /usr/lib/postfix/sbin/master -c /etc/postfix
    wait_for 15 mta_answers ||
        die "Postfix did not start: $(cat "$LAB_DIR/postfix.log" "$MTA_DIR/log" 2>&1)"
}

mta_answers() { in_ns "$H" "$TOOLS/tcpconn" -w 300 127.0.0.1 587 2>/dev/null | grep -q '220 mta'; }

# mta_inject N PORT [DOMAINS]: N messages, one recipient each, to these (else all) domains in turn.
mta_inject() {
    echo "${3:-$(mail_domains)}" >"$LAB_DIR/domains"
    in_ns "$H" python3 - "$1" "$2" "$LAB_DIR/domains" <<'END'
import smtplib, sys
count, port, domains = int(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3]).read().split()
body = "From: load@mta.load.example\r\nSubject: load test %d\r\n\r\n" + ("x" * 70 + "\r\n") * 14
with smtplib.SMTP("127.0.0.1", port, local_hostname="load.example", timeout=20) as s:
    for i in range(count):
        to = "user-%d@%s" % (i, domains[i % len(domains)])
        refused = s.sendmail("load@mta.load.example", to, body % i)
        assert not refused, refused
END
}

mta_queued() { find "$MTA_DIR"/queue/{maildrop,incoming,active,deferred,hold} -type f 2>/dev/null | wc -l; }
mta_idle() { (($(mta_queued) == 0)); }
# mta_sent FROM-LINE: deliveries its log tells of.
mta_sent() { tail -n "+$1" "$MTA_DIR/log" | grep -c ' status=sent ' || true; }
mta_log_end() { echo $(($(wc -l <"$MTA_DIR/log") + 1)); }

mta_stop() {
    local pid
    pid=$(tr -d ' ' <"$MTA_DIR/queue/pid/master.pid")
    kill "$pid"
    wait_for 20 mta_gone "$pid" || { tap_note "Postfix ($pid) did not end: $(tail -n 5 "$MTA_DIR/log")" && return 1; }
}
mta_gone() { ! kill -0 "$1" 2>/dev/null; }

# mails_taken FROM-LINE: "mail" lines of the hosts in inet, the address they were sent to.
mails_taken() { tail -n "+$1" "$LAB_DIR/real-mx.log" | sed -nE 's/^mail (.*):25 < .*/\1/p'; }
real_log_end() { echo $(($(wc -l <"$LAB_DIR/real-mx.log") + 1)); }

# unprotect_line SINK-PID: takes back what protect_line of columns.sh did.
unprotect_line() {
    nft_in 'delete table ip nat'
    kill "$1"
}

# lab_quiet: nothing was on the wire for 0.3 s; delayed acknowledgements are sent by then.
lab_quiet() { wait_for 5 was_quiet; }
was_quiet() {
    local from
    witness_mark || return 1
    from=$MARKS
    sleep 0.3
    witness_mark && ! witness_said "$from" "$MARKS" | grep -qE '^(leak|sink) '
}
