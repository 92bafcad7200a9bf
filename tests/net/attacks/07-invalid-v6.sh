TITLE="out-of-window data of a redirected flow, IPv6"
SEEN='data="lost"'
# Conntrack forgives what is too old, and which of these are depends on the flow's first number.
attack() {
    local seq
    open_conn new "$H" "$MX6" 25 || return
    for seq in 0 1073741824 2147483648 3221225472; do
        raw "$H" -F PA -q "$seq" -a 77 -t lost "$HOST6" "$CONN_PORT" "$MX6" 25
    done
}
