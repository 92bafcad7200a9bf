TITLE="must work: injection to this host"
WANT=local-mta
setup() { spawn_ready local-mta "$H" "$TOOLS/sockd" -n local-mta -p 25; }
attack() { conn "$H" 127.0.0.1 25; conn "$H" ::1 25; conn "$H" "$HOST4" 25; }
