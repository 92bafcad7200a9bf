TITLE="an uplink that appears later"
CHECK=new-devices
setup() {
    second_uplink
    ip -n "$H" route add "$MX4B" via "$UP1_GW4"
    ip -n "$H" -6 route add "$MX6B" via "$UP1_GW6"
}
attack() { conn "$H" "$MX4B" 25; conn "$H" "$MX6B" 25; }
