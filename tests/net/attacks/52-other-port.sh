TITLE="another port, closed with --block-port"
REACHED=real-mx
KR_ARGS="--block-port 2526"
attack() { conn "$H" "$MX4" 2526; conn "$H" "$MX6" 2526; conn "$C" "$MX4" 2526; }
