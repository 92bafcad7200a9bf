TITLE="must work: injection to this host"
CHECK=mta-unknown
WANT=local-mta
before() { spawn_ready local-mta "$H" "$TOOLS/sockd" -n local-mta -p 25; }
attack() {
    local addr
    for addr in 127.0.0.1 ::1 "$HOST4" "$HOST6" "$HOST_LAN4" "$HOST_LAN6"; do
        conn "$H" "$addr" 25
    done
}
