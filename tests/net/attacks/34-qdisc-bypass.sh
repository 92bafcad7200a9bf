TITLE="AF_PACKET with PACKET_QDISC_BYPASS"
attack() { raw "$H" -V packet -B -d up0 -M "$IN0_MAC" "$HOST4" 4035 "$MX4" 25; }
