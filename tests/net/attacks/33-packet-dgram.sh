TITLE="AF_PACKET, dgram"
attack() { raw_frame -V dgram "$HOST4" 4033 "$MX4" 25; }
