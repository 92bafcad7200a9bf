TITLE="dup to the uplink (nft), IPv6"
CHECK=nft-dup
setup() { nft_in "table ip6 away { chain o { type filter hook output priority -500; tcp dport 25 dup to $GW6 device up0; }; }"; }
attack() { conn "$H" "$MX6" 25; }
