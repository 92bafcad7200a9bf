TITLE="accept inserted into the redirecting chain"
CHECK=own-rules
setup() {
    case $COLUMN in
    line) in_ns "$H" iptables -t nat -I OUTPUT -j ACCEPT ;;
    dual) nft_in "insert rule inet rival o accept" ;;
    kr) nft_in "insert rule inet kumo_redirect redirect_output accept" ;;
    esac
}
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
