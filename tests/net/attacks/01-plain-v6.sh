TITLE="plain connection, IPv6"
SERVED=1
attack() { conn "$H" "$MX6" 25; conn "$H" "$MX6B" 25; }
