TITLE="FIN of no known connection, nf_conntrack_tcp_loose=0"
SEEN='flags=FA '
setup() { track && in_ns "$H" sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0; }
attack() { raw "$H" -F FA -q 5 -a 5 "$HOST4" 40008 "$MX4" 25; }
