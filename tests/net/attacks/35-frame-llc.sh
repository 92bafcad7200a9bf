TITLE="AF_PACKET, IP inside 802.2 LLC"
SEEN=encap=llc
attack() { raw_frame -V packet -W llc "$HOST4" 4033 "$MX4" 25; }
