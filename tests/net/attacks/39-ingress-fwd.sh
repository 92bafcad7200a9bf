TITLE="netdev ingress fwd to the uplink"
CHECK=nft-fwd
setup() { nft_in "table netdev away { chain i { type filter hook ingress device \"c0h\" priority 0; tcp dport 25 fwd to \"up0\"; }; }"; }
attack() { conn "$C" "$MX4" 25; conn "$C" "$MX6" 25; }
