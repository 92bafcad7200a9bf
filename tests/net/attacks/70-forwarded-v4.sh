TITLE="forwarded from a container, IPv4"
attack() { conn "$C" "$MX4" 25; }
