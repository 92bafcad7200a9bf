TITLE="AF_PACKET with PACKET_QDISC_BYPASS"
attack() { raw_frame -V packet -B "$HOST4" 4033 "$MX4" 25; }
