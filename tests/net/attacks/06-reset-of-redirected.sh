TITLE="the RST of a redirected socket that conntrack forgot"
SEEN='flags=[A-Z]*R'
setup() { track && open_conn new "$H" "$MX4" 25; }
attack() {
    in_ns "$H" conntrack -F >/dev/null 2>&1
    in_ns "$H" ss -K dst "$MX4" >/dev/null 2>&1
}
