TITLE="the RST of a destroyed socket, opened before"
SEEN='flags=[A-Z]*R'
before() { track && open_conn old "$H" "$MX4" 25; }
attack() { in_ns "$H" ss -K dst "$MX4" >/dev/null 2>&1; }
