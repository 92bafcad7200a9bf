TITLE="forwarded from a container, raw, of no connection"
attack() { raw "$C" -F PA -t lost "$CONT4" 4070 "$MX4" 25; raw "$C" -F PA -t lost "$CONT6" 4070 "$MX6" 25; }
