TITLE="a policy rule ahead of the failsafe, nftables flushed"
CHECK=policy-rules
setup() {
    ip -n "$H" route add default via "$GW4" dev up0 table 99
    ip -n "$H" rule add pref 10 to "$MX4" lookup 99
}
attack() { conn "$H" "$MX4" 25; raw "$H" -V tcp "$HOST4" 4063 "$MX4" 25; }
