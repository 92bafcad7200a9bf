TITLE="TCP Fast Open"
attack() { conn "$H" -f -s "EHLO x" "$MX4" 25; conn "$H" -f -s "EHLO x" "$MX6" 25; }
