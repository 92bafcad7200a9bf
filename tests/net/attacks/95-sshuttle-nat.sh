TITLE="sshuttle takes all connections, by iptables"
REACHED=real-mx CHECK=nat-order
# shellcheck source=tests/net/tampers.sh
. "$TESTS/net/tampers.sh"
possible() { tamper_need sshuttle; }
setup() { tamper_sshuttle nat; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
