TITLE="AF_PACKET, raw, IPv6"
attack() { raw_frame -V packet "$HOST6" 4033 "$MX6" 25; }
