TITLE="must work: mail from outside, LAN, containers to here"
CHECK=mta-unknown
WANT=local-mta
before() { spawn_ready local-mta "$H" "$TOOLS/sockd" -n local-mta -p 25; }
attack() {
    conn "$I" "$HOST4" 25; conn "$I" "$HOST6" 25
    conn "$L" "$HOST_LAN4" 25; conn "$L" "$HOST_LAN6" 25
    conn "$C" 172.30.0.1 25; conn "$C" fd00:30::1 25
}
