TITLE="dup to the uplink (nft)"
CHECK=nft-dup
setup() { nft_in "table ip away { chain o { type filter hook output priority -500; tcp dport 25 dup to $GW4 device up0; }; }"; }
attack() { conn "$H" "$MX4" 25; }
