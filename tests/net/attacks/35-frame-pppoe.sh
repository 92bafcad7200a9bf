TITLE="AF_PACKET, IP inside PPPoE"
SEEN=encap=pppoe
attack() { raw_frame -V packet -W pppoe "$HOST4" 4033 "$MX4" 25; }
