TITLE="strict source route by way of a LAN host"
attack() { conn "$H" -R "$LAN4" "$MX4" 25; }
