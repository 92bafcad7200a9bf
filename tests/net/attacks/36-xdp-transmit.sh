TITLE="AF_XDP transmit"
CHECK=xdp-sockets UNSTOPPABLE=1
# A SYN of each family: addresses of the link, the IP header, TCP.
ETHER=020000000101020000000102
SYN4=${ETHER}0800450000284b52000040063176c0000202cb0071050fc40019000003e800000000500220007e150000
SYN6=${ETHER}86dd60000000001406402001
SYN6+=0db800010000000000000000000220010db80f00000000000000000000250fc40019000003e8000000005002200011840000
possible() {
    local said
    said=$(in_ns "$L" "$TOOLS/xsktx" lo </dev/null) || { echo "this kernel has no AF_XDP that sends: $said"; return 1; }
}
setup() {
    rm -f "$LAB_DIR/xsk.in"
    mkfifo "$LAB_DIR/xsk.in"
    exec {XSK_IN}<>"$LAB_DIR/xsk.in"
    spawn_ready xsk "$H" "$TOOLS/xsktx" up0 <&"$XSK_IN"
}
attack() {
    printf '%s\n' "$SYN4" "$SYN6" >&"$XSK_IN"
    await_line "$LAB_DIR/xsk.log" '^sent' 3 3
    cat "$LAB_DIR/xsk.log" >>"$HEARD"
}
after() { [[ -z ${XSK_IN:-} ]] || { exec {XSK_IN}>&-; XSK_IN=; }; }
