TITLE="Multipath TCP"
possible() { in_ns "$L" sysctl -n net.mptcp.enabled >/dev/null 2>&1 || { echo "this kernel has no MPTCP"; return 1; }; }
attack() {
    for to in "$MX4" "$MX6"; do
        echo "try $to 25" >>"$HEARD"
        in_ns "$H" /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM, 262)
s.settimeout(0.3)
s.connect((sys.argv[1], 25))
print("recv", s.recv(200).decode().strip())' "$to" >>"$HEARD" 2>&1 || true
    done
}
