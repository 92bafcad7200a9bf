TITLE="the same, at INT_MAX"
setup() { nft_in "table ip away { chain p { type filter hook postrouting priority 2147483647; tcp dport 26 tcp dport set 25; }; }"; }
attack() { conn "$H" "$MX4" 26; }
