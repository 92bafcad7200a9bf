TITLE="a later chain rewrites the port to 25 (INT_MAX)"
CHECK=payload-write
setup() { nft_in "table inet away { chain p { type filter hook postrouting priority 2147483647; tcp dport 26 tcp dport set 25; }; }"; }
attack() { conn "$H" "$MX4" 26; conn "$H" "$MX6" 26; }
