TITLE="TEE (iptables-legacy)"
CHECK="tee legacy-tables"
setup() { in_ns "$H" iptables-legacy -t mangle -A OUTPUT -p tcp --dport 25 -j TEE --gateway "$GW4"; }
attack() { conn "$H" "$MX4" 25; }
