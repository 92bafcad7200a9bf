TITLE="a second DNAT rig at -198, right behind ours"
SERVED=1
setup() {
    nft_in "table ip rig4 { chain o { type nat hook output priority -198; tcp dport 25 dnat to $MX4B:25; }; }
        table ip6 rig6 { chain o { type nat hook output priority -198; tcp dport 25 dnat to [$MX6B]:25; }; }"
}
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
