TITLE="AF_PACKET, IP that claims to be IPv6"
attack() { raw_frame -V packet -P 86dd "$HOST4" 4033 "$MX4" 25; }
