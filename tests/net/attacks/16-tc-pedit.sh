TITLE="tc rewrites the port to 25 behind the fence"
CHECK=tc-filters UNSTOPPABLE=1
possible() { tc_rewrites lo; }
setup() { in_ns "$H" tc qdisc add dev up0 clsact && tc_rewrite "$H" up0; }
attack() { conn "$H" "$MX4" 26; }
