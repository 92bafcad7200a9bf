TITLE="AF_PACKET, IP that claims to be ARP"
attack() { raw "$H" -V packet -P 0806 -d up0 -M "$IN0_MAC" "$HOST4" 4038 "$MX4" 25; }
