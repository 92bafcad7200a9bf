TITLE="must work: containers redirected, no route_localnet"
WANT=kumo-sink
ONLY=kr
KR_ARGS="--forward redirect"
attack() {
    conn "$C" "$MX4" 25
    conn "$C" "$MX6" 25
    [[ $(in_ns "$H" sysctl -n net.ipv4.conf.all.route_localnet net.ipv4.conf.br0.route_localnet | sort -u) == 0 ]] ||
        echo "route_localnet was set" >>"$LAB_DIR/heard"
}
