TITLE="tc mirred at ingress redirects to the uplink"
CHECK=tc-filters UNSTOPPABLE=1
setup() {
    in_ns "$H" tc qdisc add dev c0h clsact
    in_ns "$H" tc filter add dev c0h ingress protocol ip u32 match ip dport 25 0xffff action mirred egress redirect dev up0
}
attack() { conn "$C" "$MX4" 25; }
