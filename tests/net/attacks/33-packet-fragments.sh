TITLE="AF_PACKET, fragments"
SEEN=encap=frag
attack() { raw_frame -V packet -f -t "some more of it" "$HOST4" 4033 "$MX4" 25; }
