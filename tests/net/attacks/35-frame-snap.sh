TITLE="AF_PACKET, IP inside 802.2 SNAP"
SEEN=encap=snap
attack() { raw_frame -V packet -W snap "$HOST4" 4033 "$MX4" 25; }
