TITLE="AF_PACKET, IPv6 inside a VLAN tag"
SEEN=encap=vlan
attack() { raw_frame -V packet -W vlan "$HOST6" 4033 "$MX6" 25; }
