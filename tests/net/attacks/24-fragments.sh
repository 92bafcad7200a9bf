TITLE="fragments from a raw socket"
SEEN=encap=frag
attack() { raw "$H" -f -t "some more of it" "$HOST4" 4024 "$MX4" 25; }
