TITLE="AF_PACKET, IP inside qinq"
attack() { raw "$H" -V packet -W qinq -d up0 -M "$IN0_MAC" "$HOST4" 4036 "$MX4" 25; }
