TITLE="a nat chain at -199, registered later, maps first"
CHECK=nat-order
setup() { nft_in "table inet away { chain o { type nat hook output priority -199; tcp dport 25 dnat ip to $MX4B:25; tcp dport 25 dnat ip6 to [$MX6B]:25; }; }"; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
