TITLE="SO_MARK and a routing table of its own"
CHECK=policy-rules
setup() {
    second_uplink
    ip -n "$H" rule add pref 10 fwmark 7 lookup 100
    ip -n "$H" route add default via "$UP1_GW4" table 100
    ip -n "$H" -6 rule add pref 10 fwmark 7 lookup 100
    ip -n "$H" -6 route add default via "$UP1_GW6" table 100
}
attack() { conn "$H" -k 7 "$MX4" 25; conn "$H" -k 7 "$MX6" 25; }
