TITLE="an exclusion far wider than the LAN: 192.168.0.0/16"
KR_ARGS='--lan 192.168.0.0/16'
REFUSAL=1
setup() {
    case $COLUMN in
    line) in_ns "$H" iptables -t nat -I OUTPUT -p tcp -d 192.168.0.0/16 --dport 25 -j ACCEPT ;;
    dual) nft_in "insert rule inet rival o ip daddr 192.168.0.0/16 accept" ;;
    esac
}
attack() { conn "$H" 192.168.50.5 25; }
