TITLE="TCP Fast Open, data in the SYN"
SEEN='flags=S len=6 .*EHLO x'
before() { in_ns "$H" sysctl -qw net.ipv4.tcp_fastopen=5; }
attack() { conn "$H" -f -s "EHLO x" "$MX4" 25; conn "$H" -f -s "EHLO x" "$MX6" 25; }
