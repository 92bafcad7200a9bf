TITLE="IPv6 destination options before TCP"
attack() { conn "$H" -x "$MX6" 25; }
