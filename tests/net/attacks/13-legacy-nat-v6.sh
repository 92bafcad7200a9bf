TITLE="ip6tables-legacy nat beside nft"
CHECK=legacy-tables
setup() { in_ns "$H" ip6tables-legacy -t nat -A OUTPUT -p tcp --dport 25 -j DNAT --to-destination "[$MX6B]:25"; }
attack() { conn "$H" "$MX6" 25; }
