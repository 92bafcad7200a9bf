TITLE="strict source route by way of a LAN host"
SEEN=encap=srcroute
attack() { conn "$H" -R "$LAN4" "$MX4" 25; }
