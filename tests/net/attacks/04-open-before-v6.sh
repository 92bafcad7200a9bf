TITLE="connection open before, IPv6"
SEEN='data="MAIL FROM'
before() { track && open_conn old "$H" "$MX6" 25; }
attack() { say old "send MAIL FROM:<a@b.test>"; }
