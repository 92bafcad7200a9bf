TITLE="fragments from a raw socket, IPv6"
attack() { raw "$H" -f "$HOST6" 4026 "$MX6" 25; raw "$H" -f -x "$HOST6" 4027 "$MX6" 25; }
