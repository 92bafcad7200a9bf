TITLE="must work: every other port"
WANT=real-mx
attack() { conn "$H" "$MX4" 26; conn "$H" "$MX6" 26; conn "$C" "$MX4" 26; conn "$C" "$MX6" 26; }
