TITLE="AF_PACKET, dgram, IPv6"
attack() { raw_frame -V dgram "$HOST6" 4033 "$MX6" 25; }
