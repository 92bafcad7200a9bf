TITLE="AF_PACKET, IP inside a VLAN tag"
SEEN=encap=vlan
attack() { raw_frame -V packet -W vlan "$HOST4" 4033 "$MX4" 25; }
