TITLE="a source address that is not this host's"
setup() { in_ns "$H" sysctl -qw net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1; }
attack() { conn "$H" -b 198.51.100.9 "$MX4" 25; conn "$H" -b 2001:db8:51::9 "$MX6" 25; }
