TITLE="an uplink that appears later takes the default route"
CHECK=new-devices
setup() {
    second_uplink
    ip -n "$H" route replace default via "$UP1_GW4"
    ip -n "$H" -6 route replace default via "$UP1_GW6"
}
attack() {
    conn "$H" "$MX4" 25; conn "$H" "$MX6" 25
    conn "$C" "$MX4" 25; conn "$C" "$MX6" 25
}
