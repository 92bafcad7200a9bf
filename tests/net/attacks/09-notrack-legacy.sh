TITLE="notrack (iptables-legacy)"
CHECK="notrack legacy-tables"
setup() { in_ns "$H" iptables-legacy -t raw -A OUTPUT -p tcp --dport 25 -j CT --notrack; }
attack() { conn "$H" "$MX4" 25; }
