TITLE="conntrack -F, then the server speaks first"
SEEN='data="MAIL FROM'
before() {
    track
    open_conn old "$H" "$MX4" 25
    kill -STOP "$REAL_MX"
    say old "send EHLO early.test"
}
attack() {
    in_ns "$H" conntrack -F >/dev/null 2>&1
    kill -CONT "$REAL_MX"
    settle
    say old "send MAIL FROM:<a@b.test>"
}
after() { kill -CONT "$REAL_MX"; }
