TITLE="AF_PACKET, IP inside two VLAN tags"
SEEN=encap=vlan,vlan
attack() { raw_frame -V packet -W qinq "$HOST4" 4033 "$MX4" 25; }
