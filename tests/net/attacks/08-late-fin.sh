TITLE="late FIN, entry gone, nf_conntrack_tcp_loose=0"
SEEN='flags=FA '
setup() { track && open_conn new "$H" "$MX4" 25; }
attack() {
    in_ns "$H" sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
    in_ns "$H" conntrack -F >/dev/null 2>&1
    say new fin
    settle
}
