TITLE="INVALID packet of a redirected flow"
attack() {
    open_conn new "$H" "$MX4" 25 || true
    raw "$H" -F PA -q 4000000000 -a 77 -t lost "$HOST4" "${CONN_PORT:-40007}" "$MX4" 25
}
