TITLE="plain connection"
attack() { conn "$H" "$MX4" 25; }
