TITLE="notrack (ip6tables-legacy)"
CHECK="notrack legacy-tables"
setup() { in_ns "$H" ip6tables-legacy -t raw -A OUTPUT -p tcp --dport 25 -j CT --notrack; }
attack() { conn "$H" "$MX6" 25; }
