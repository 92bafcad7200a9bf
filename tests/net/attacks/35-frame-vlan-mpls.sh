TITLE="AF_PACKET, IP inside MPLS inside a VLAN tag"
SEEN=encap=vlan,mpls
attack() { raw_frame -V packet -W vlan,mpls "$HOST4" 4033 "$MX4" 25; }
