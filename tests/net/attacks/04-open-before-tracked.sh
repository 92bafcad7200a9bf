TITLE="connection open before, conntrack active"
SEEN='data="MAIL FROM'
before() { track && open_conn old "$H" "$MX4" 25; }
attack() { say old "send MAIL FROM:<a@b.test>"; }
