TITLE="a nat chain at -100, registered later, maps first"
setup() { nft_in "table inet away { chain o { type nat hook output priority -100; tcp dport 25 dnat ip to $MX4B:25; tcp dport 25 dnat ip6 to [$MX6B]:25; }; }"; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
