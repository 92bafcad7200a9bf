TITLE="IP inside IP from a raw socket"
SEEN=encap=ipip
attack() { raw "$H" -W ipip -O "$MX4B" "$HOST4" 4054 "$MX4" 25; }
