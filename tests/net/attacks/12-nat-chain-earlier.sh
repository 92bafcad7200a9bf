TITLE="a nat chain of lower priority number maps first"
setup() { nft_in "table inet away { chain o { type nat hook output priority -150; tcp dport 25 dnat ip to $MX4B:25; tcp dport 25 dnat ip6 to [$MX6B]:25; }; }"; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
