TITLE="the LAN interface goes down, default route takes over"
CHECK=own-failsafe
setup() { ip -n "$H" link set lan0 down; }
attack() { conn "$H" "$LAN4" 25; }
