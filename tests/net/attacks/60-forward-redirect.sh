TITLE="must work: containers redirected, no route_localnet"
WANT=kumo-sink
ONLY=kr
KR_ARGS='--forward redirect'
attack() {
    conn "$C" "$MX4" 25
    conn "$C" "$MX6" 25
    [[ $(in_ns "$H" sysctl -n net.ipv4.conf.{all,default,lo,br0,up0,lan0}.route_localnet | sort -u) == 0 ]] ||
        echo "broken: route_localnet was set" >>"$HEARD"
}
