TITLE="out-of-window data of a redirected flow, IPv6"
SEEN='data="lost"'
attack() {
    open_conn new "$H" "$MX6" 25 || return
    raw "$H" -F PA -q 4000000000 -a 77 -t lost "$HOST6" "$CONN_PORT" "$MX6" 25
}
