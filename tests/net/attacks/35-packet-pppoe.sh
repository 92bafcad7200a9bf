TITLE="AF_PACKET, IP inside pppoe"
attack() { raw "$H" -V packet -W pppoe -d up0 -M "$IN0_MAC" "$HOST4" 4036 "$MX4" 25; }
