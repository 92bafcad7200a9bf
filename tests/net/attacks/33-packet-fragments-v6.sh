TITLE="AF_PACKET, fragments, IPv6"
attack() { raw_frame -V packet -f -x "$HOST6" 4033 "$MX6" 25; }
