# shellcheck shell=bash
# What may stand between the host and the world: nothing, the line KumoMTA documents, its equivalent
# for both families, kumo-redirect. Sourced after tests/lib.sh.

nft_in() { in_ns "$H" nft "$1"; }

rival_sink() { spawn_ready rival-sink "$H" "$TOOLS/sockd" -n rival-sink -p 2026; }

protect_none() { :; }

protect_line() {
    rival_sink
    in_ns "$H" iptables -t nat -A OUTPUT -p tcp ! -d "$LAN_NET4" --dport 25 -j DNAT \
        --to-destination 127.0.0.1:2026
}

protect_dual() {
    rival_sink
    nft_in "table inet rival { chain o { type nat hook output priority -100;
        ip daddr != $LAN_NET4 tcp dport 25 dnat ip to 127.0.0.1:2026;
        ip6 daddr != $LAN_NET6 tcp dport 25 dnat ip6 to [::1]:2026; }; }"
}

# KR_ARGS: what a row adds to the command line.
protect_kr() {
    # shellcheck disable=SC2086
    in_ns "$H" "$KR" -q up ${KR_ARGS:-} >"$LAB_DIR/up.log" 2>&1
}

# Namespaces come and go here without a `down`, and inode numbers are used again.
kr_state() { echo "/run/kumo-redirect/$(stat -Lc %i "/run/netns/$H")"; }
forget_state() { rm -f "$(kr_state)".*; }

# kr_sink_stats: the built-in sink's account, JSON.
kr_sink_stats() {
    python3 - "$(kr_state).sink.sock" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
s.sendall(b"stats\n")
said = b""
while not said.endswith(b"\n"):
    more = s.recv(65536)
    if not more:
        break
    said += more
sys.stdout.write(said.decode())
END
}
