TITLE="raw socket, own IPv6 header"
attack() { raw "$H" -V hdrincl "$HOST6" 4062 "$MX6" 25; }
