TITLE="AF_PACKET with PACKET_QDISC_BYPASS, IPv6"
attack() { raw_frame -V packet -B "$HOST6" 4033 "$MX6" 25; }
