TITLE="a queue to user space that lets pass when nobody listens"
CHECK=nft-queue
possible() {
    in_ns "$L" nft 'table inet try { chain o { tcp dport 25 queue num 7 bypass; }; }' 2>/dev/null ||
        { echo "this kernel has no nft queue"; return 1; }
    in_ns "$L" nft delete table inet try
}
setup() { nft_in "table inet away { chain o { type filter hook output priority -300; tcp dport 25 queue num 7 bypass; }; }"; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
