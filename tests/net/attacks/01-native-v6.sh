TITLE="native IPv6"
attack() { conn "$H" "$MX6" 25; }
