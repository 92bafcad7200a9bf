TITLE="AF_PACKET, raw"
attack() { raw_frame -V packet "$HOST4" 4033 "$MX4" 25; }
