TITLE="a firewall that accepts port 25, there before"
before() {
    nft_in "table inet fw {
        chain n { type nat hook output priority -101; tcp dport 25 accept; };
        chain o { type filter hook output priority -1; tcp dport 25 accept; };
        chain p { type filter hook postrouting priority 2147483647; tcp dport 25 accept; }; }"
}
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
