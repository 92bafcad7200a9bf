TITLE="a nat chain ahead of ours maps first"
setup() { nft_in "table ip away { chain o { type nat hook output priority -199; tcp dport 25 dnat to $MX4B:25; }; }"; }
attack() { conn "$H" "$MX4" 25; }
