TITLE="XDP redirects a container's frames to the uplink"
CHECK=xdp-programs UNSTOPPABLE=1
setup() { spawn_ready xdp "$H" "$TOOLS/bpfload" xdp c0h redirect up0; }
attack() { conn "$C" "$MX4" 25; }
