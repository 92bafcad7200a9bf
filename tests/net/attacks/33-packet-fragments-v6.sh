TITLE="AF_PACKET, fragments, IPv6"
SEEN=encap=frag
attack() { raw_frame -V packet -f -t "some more of it" -x "$HOST6" 4033 "$MX6" 25; }
