TITLE="macvlan child in another namespace"
before() {
    ip -n "$H" link add mv0 link up0 type macvlan mode bridge
    ip -n "$H" link set mv0 netns "$C"
    ip -n "$C" -batch - <<END
link set mv0 up
addr add 192.0.2.78/24 dev mv0
route add $MX4B via $GW4 dev mv0
END
}
attack() { conn "$C" -b 192.0.2.78 "$MX4B" 25; }
