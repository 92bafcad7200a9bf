TITLE="forwarded from a container, IPv6"
attack() { conn "$C" "$MX6" 25; }
