TITLE="sshuttle takes all connections, by nft"
REACHED=real-mx CHECK=nat-order
# shellcheck source=tests/net/tampers.sh
. "$TESTS/net/tampers.sh"
possible() { tamper_need sshuttle; }
setup() { tamper_sshuttle nft; }
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
