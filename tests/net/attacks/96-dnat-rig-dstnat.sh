TITLE="a second DNAT rig at -100, forwarded traffic too"
CHECK=nat-order
setup() {
    nft_in "table inet rig { chain o { type nat hook output priority -100;
            tcp dport 25 dnat ip to $MX4B:25; tcp dport 25 dnat ip6 to [$MX6B]:25; };
        chain p { type nat hook prerouting priority dstnat;
            tcp dport 25 dnat ip to $MX4B:25; tcp dport 25 dnat ip6 to [$MX6B]:25; }; }"
}
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; conn "$C" "$MX4" 25; conn "$C" "$MX6" 25; }
