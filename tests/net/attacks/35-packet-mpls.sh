TITLE="AF_PACKET, IP inside mpls"
attack() { raw "$H" -V packet -W mpls -d up0 -M "$IN0_MAC" "$HOST4" 4036 "$MX4" 25; }
