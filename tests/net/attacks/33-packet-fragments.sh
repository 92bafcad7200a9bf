TITLE="AF_PACKET, fragments"
attack() { raw_frame -V packet -f "$HOST4" 4033 "$MX4" 25; }
