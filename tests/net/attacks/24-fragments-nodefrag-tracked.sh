TITLE="fragments with IP_NODEFRAG, conntrack active"
before() { track; }
attack() { raw "$H" -f -n -t "some more of it" "$HOST4" 4025 "$MX4" 25; }
