TITLE="a later chain rewrites the port to 25 (700)"
CHECK=payload-write
setup() { nft_in "table inet away { chain p { type filter hook postrouting priority 700; tcp dport 26 tcp dport set 25; }; }"; }
attack() { conn "$H" "$MX4" 26; conn "$H" "$MX6" 26; }
