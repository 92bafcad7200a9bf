TITLE="IPv4-mapped address on an IPv6 socket"
SERVED=1
attack() { conn "$H" -m "$MX4" 25; }
