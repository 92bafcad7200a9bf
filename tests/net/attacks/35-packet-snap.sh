TITLE="AF_PACKET, IP inside snap"
attack() { raw "$H" -V packet -W snap -d up0 -M "$IN0_MAC" "$HOST4" 4036 "$MX4" 25; }
