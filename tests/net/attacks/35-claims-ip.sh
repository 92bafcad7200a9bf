TITLE="AF_PACKET, IPv6 that claims to be IP"
attack() { raw_frame -V packet -P 0800 "$HOST6" 4033 "$MX6" 25; }
