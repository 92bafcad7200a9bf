TITLE="a nat chain in prerouting maps forwarded traffic to 25"
setup() { nft_in "table inet away { chain p { type nat hook prerouting priority -199; tcp dport 26 dnat ip to $MX4B:25; }; }"; }
attack() { conn "$C" "$MX4" 26; }
