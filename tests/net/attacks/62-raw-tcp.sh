TITLE="raw socket, IPPROTO_TCP"
attack() { raw "$H" -V tcp "$HOST4" 4063 "$MX4" 25; raw "$H" -V tcp "$HOST6" 4063 "$MX6" 25; }
