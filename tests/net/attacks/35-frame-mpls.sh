TITLE="AF_PACKET, IP inside MPLS"
SEEN=encap=mpls
attack() { raw_frame -V packet -W mpls "$HOST4" 4033 "$MX4" 25; }
