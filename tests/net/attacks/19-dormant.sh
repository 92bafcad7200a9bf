TITLE="our tables made dormant"
CHECK=own-rules
setup() {
    case $COLUMN in
    line) in_ns "$H" iptables -t nat -F ;;
    dual) nft_in "add table inet rival { flags dormant; }" ;;
    kr) nft_in "add table inet kumo_redirect { flags dormant; }; add table netdev kumo_redirect { flags dormant; }" ;;
    esac
}
attack() {
    conn "$H" "$MX4" 25; conn "$H" "$MX6" 25
    conn "$C" "$MX4" 25; conn "$C" "$MX6" 25
}
