TITLE="AF_PACKET, IP that claims to be LACP"
attack() { raw_frame -V packet -P 8809 "$HOST4" 4033 "$MX4" 25; }
