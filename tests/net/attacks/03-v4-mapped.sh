TITLE="IPv4-mapped address on an IPv6 socket"
attack() { conn "$H" -m "$MX4" 25; }
