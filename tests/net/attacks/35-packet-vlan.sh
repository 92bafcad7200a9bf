TITLE="AF_PACKET, IP inside vlan"
attack() { raw "$H" -V packet -W vlan -d up0 -M "$IN0_MAC" "$HOST4" 4036 "$MX4" 25; }
