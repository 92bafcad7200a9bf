TITLE="fragments with IP_NODEFRAG, conntrack active"
SEEN=encap=frag
before() { track; }
attack() { raw "$H" -f -n -t "some more of it" "$HOST4" 4025 "$MX4" 25; }
