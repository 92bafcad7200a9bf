TITLE="AF_PACKET, IP inside IP"
attack() { raw "$H" -V packet -W ipip -O "$MX4B" -d up0 -M "$IN0_MAC" "$HOST4" 4037 "$MX4" 25; }
