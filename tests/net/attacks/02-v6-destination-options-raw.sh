TITLE="IPv6 destination options, hand-made"
attack() { raw "$H" -x "$HOST6" 4002 "$MX6" 25; }
