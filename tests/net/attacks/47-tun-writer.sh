TITLE="a program writes packets into a tun device"
attack() {
    in_ns "$H" /usr/bin/python3 "$TESTS/net/tunwriter.py" 10.77.0.1 10.77.0.2 "$MX4" 25 >>"$HEARD" 2>&1
}
