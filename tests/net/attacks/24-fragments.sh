TITLE="fragments from a raw socket"
attack() { raw "$H" -f "$HOST4" 4024 "$MX4" 25; }
