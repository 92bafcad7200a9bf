TITLE="connection open before, conntrack not active"
SEEN='data="MAIL FROM'
before() { open_conn old "$H" "$MX4" 25; }
attack() { say old "send MAIL FROM:<a@b.test>"; }
