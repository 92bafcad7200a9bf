TITLE="a BPF filter at ingress redirects to the uplink"
CHECK=tc-filters UNSTOPPABLE=1
setup() { spawn_ready cls "$H" "$TOOLS/bpfload" cls c0h ingress redirect up0; }
attack() { conn "$C" "$MX4" 25; }
