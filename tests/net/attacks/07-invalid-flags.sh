TITLE="impossible flags in a redirected flow"
SEEN='flags=FSR '
attack() {
    open_conn new "$H" "$MX4" 25 || return
    raw "$H" -F SFR -q 4000000000 -a 77 -t lost "$HOST4" "$CONN_PORT" "$MX4" 25
}
