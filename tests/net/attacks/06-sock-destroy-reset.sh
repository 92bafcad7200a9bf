TITLE="the RST of a destroyed socket"
before() { track; open_conn old "$H" "$MX4" 25; }
attack() { in_ns "$H" ss -K dst "$MX4" >/dev/null 2>&1 || true; }
