TITLE="out-of-window data of a redirected flow"
SEEN='data="lost"'
attack() {
    open_conn new "$H" "$MX4" 25 || return
    raw "$H" -F PA -q 4000000000 -a 77 -t lost "$HOST4" "$CONN_PORT" "$MX4" 25
}
