TITLE="raw socket, own IP header"
attack() { raw "$H" -V hdrincl "$HOST4" 4062 "$MX4" 25; }
