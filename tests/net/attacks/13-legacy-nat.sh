TITLE="iptables-legacy nat beside nft"
CHECK=legacy-tables
setup() { in_ns "$H" iptables-legacy -t nat -A OUTPUT -p tcp --dport 25 -j DNAT --to-destination "$MX4B:25"; }
attack() { conn "$H" "$MX4" 25; }
