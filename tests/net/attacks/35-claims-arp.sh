TITLE="AF_PACKET, IP that claims to be ARP"
attack() { raw_frame -V packet -P 0806 "$HOST4" 4033 "$MX4" 25; }
