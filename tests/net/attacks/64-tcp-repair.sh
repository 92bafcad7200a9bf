TITLE="a restored socket that never sent a SYN (TCP_REPAIR)"
possible() { in_ns "$L" /usr/bin/python3 "$TESTS/net/repair.py" try 127.0.0.1 25 2>&1; }
attack() { in_ns "$H" /usr/bin/python3 "$TESTS/net/repair.py" send "$MX4" 25 >>"$HEARD" 2>&1 || true; }
