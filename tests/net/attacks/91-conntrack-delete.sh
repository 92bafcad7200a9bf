TITLE="conntrack -D of a connection in its middle"
before() { track; }
attack() {
    open_conn deleted "$H" "$MX4" 25 || true
    in_ns "$H" conntrack -D -p tcp --orig-port-dst 25 >>"$HEARD" 2>&1 || return 1
    say deleted send NOOP
    say deleted send NOOP
}
