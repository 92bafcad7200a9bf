TITLE="conntrack zone in one direction"
CHECK=ct-zone
setup() { nft_in "table inet away { chain o { type filter hook output priority -300; tcp dport 25 ct zone set 7; }; }"; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
