TITLE="fragments with IP_NODEFRAG"
attack() { raw "$H" -f -n "$HOST4" 4025 "$MX4" 25; }
