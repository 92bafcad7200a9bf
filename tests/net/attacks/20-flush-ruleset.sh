TITLE="nft flush ruleset"
CHECK=own-rules
setup() { nft_in "flush ruleset"; }
attack() {
    conn "$H" "$MX4" 25; conn "$H" "$MX6" 25
    conn "$C" "$MX4" 25; conn "$C" "$MX6" 25
}
