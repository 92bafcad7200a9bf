TITLE="notrack (nft)"
CHECK=notrack
setup() { nft_in "table inet away { chain o { type filter hook output priority -300; tcp dport 25 notrack; }; }"; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
