TITLE="fragments from a raw socket, IPv6"
SEEN=encap=frag
attack() { raw "$H" -f -t "some more of it" "$HOST6" 4026 "$MX6" 25; raw "$H" -f -t "some more of it" -x "$HOST6" 4027 "$MX6" 25; }
