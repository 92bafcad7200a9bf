TITLE="plain connection, IPv4"
SERVED=1
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX4B" 25; }
