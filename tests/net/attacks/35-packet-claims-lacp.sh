TITLE="AF_PACKET, IP that claims to be LACP"
attack() { raw "$H" -V packet -P 8809 -d up0 -M "$IN0_MAC" "$HOST4" 4039 "$MX4" 25; }
