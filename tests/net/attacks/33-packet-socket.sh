TITLE="AF_PACKET, raw"
attack() { raw "$H" -V packet -d up0 -M "$IN0_MAC" "$HOST4" 4033 "$MX4" 25; }
