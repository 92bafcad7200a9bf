TITLE="fragments with IP_NODEFRAG"
SEEN=encap=frag
attack() { raw "$H" -f -t "some more of it" -n "$HOST4" 4025 "$MX4" 25; }
