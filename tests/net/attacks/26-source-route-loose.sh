TITLE="loose source route by way of a LAN host"
SEEN=encap=srcroute
attack() { conn "$H" -r "$LAN4" "$MX4" 25; }
