TITLE="ufw is enabled"
SERVED=1
# shellcheck source=tests/net/tampers.sh
. "$TESTS/net/tampers.sh"
possible() { tamper_need ufw; }
setup() {
    tamper_etc ufw && cp "$PKG_ROOT"/usr/share/ufw/{ufw.conf,*.rules} "$TAMPER_ETC/ufw/" &&
        cp "$PKG_ROOT"/usr/share/ufw/iptables/*.rules "$TAMPER_ETC/ufw/" && tamper_shell &&
        tamper ufw --force enable && in_ns "$H" iptables -S ufw-before-output >/dev/null
}
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
after() { tamper_gone; }
