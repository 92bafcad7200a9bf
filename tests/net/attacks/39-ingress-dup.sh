TITLE="netdev ingress dup to the uplink"
CHECK=nft-dup
setup() { nft_in "table netdev away { chain i { type filter hook ingress device \"c0h\" priority 0; tcp dport 25 dup to \"up0\"; }; }"; }
attack() { conn "$C" "$MX4" 25; }
