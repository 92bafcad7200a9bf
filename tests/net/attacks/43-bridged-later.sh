TITLE="container bridged onto the uplink later"
CHECK=bridge-ports
setup() {
    ip -n "$H" -batch - <<END
addr flush dev up0
link add br1 address 02:00:00:00:01:02 type bridge
link set up0 master br1
link set c1h master br1 up
link set br1 up
addr add $HOST4/24 dev br1
route add default via $GW4
END
    ip -n "$C" -batch - <<END
link set c1 up
addr add 192.0.2.77/24 dev c1
route add $MX4B via $GW4 dev c1
END
}
attack() { conn "$C" -b 192.0.2.77 "$MX4B" 25; }
