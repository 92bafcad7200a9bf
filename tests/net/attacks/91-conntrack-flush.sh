TITLE="conntrack -F in the middle of a connection"
before() { track; }
attack() {
    open_conn flushed "$H" "$MX4" 25 || true
    in_ns "$H" conntrack -F >/dev/null 2>&1
    say flushed send NOOP
    say flushed send NOOP
}
