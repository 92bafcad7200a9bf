TITLE="AF_PACKET, IP that claims to be 802.2"
attack() { raw_frame -V packet -P 0004 "$HOST4" 4033 "$MX4" 25; }
