TITLE="AF_PACKET, IPv6 inside IP"
SEEN=encap=6in4
attack() { raw_frame -V packet -W 6in4 -O "$MX4B" "$HOST6" 4033 "$MX6" 25; }
