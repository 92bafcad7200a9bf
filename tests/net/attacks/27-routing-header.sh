TITLE="IPv6 routing header by way of a LAN host"
attack() { raw "$H" -g "$LAN6" "$HOST_LAN6" 4027 "$MX6" 25; }
