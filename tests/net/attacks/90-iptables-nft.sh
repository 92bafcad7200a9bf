TITLE="iptables-nft: a DNAT of somebody else"
setup() { in_ns "$H" iptables-nft -t nat -I OUTPUT -p tcp --dport 25 -j DNAT --to-destination "$MX4B:25"; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX4B" 25; }
