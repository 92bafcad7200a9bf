TITLE="AF_PACKET, IP inside IP"
SEEN=encap=ipip
attack() { raw_frame -V packet -W ipip -O "$MX4B" "$HOST4" 4033 "$MX4" 25; }
