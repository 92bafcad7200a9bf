TITLE="AF_PACKET, dgram"
attack() { raw "$H" -V dgram -d up0 -M "$IN0_MAC" "$HOST4" 4034 "$MX4" 25; }
