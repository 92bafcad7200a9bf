TITLE="a cgroup program leads port 25 to another port"
CHECK=cgroup-bpf UNSTOPPABLE=1 REACHED=real-mx
possible() { grep -q ' cgroup2 ' /proc/self/mounts || { echo "cgroup2 is not mounted on this machine"; return 1; }; }
group() { echo "$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)/$LAB"; }
setup() {
    mkdir -p "$(group)"
    spawn_ready connect4 "$H" nsenter -t $$ -m "$TOOLS/bpfload" cgroup "$(group)" connect4
}
# shellcheck disable=SC2016
attack() {
    bash -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$(group)" \
        ip netns exec "$H" "$TOOLS/tcpconn" -w 1000 "$MX4" 25 >>"$HEARD" 2>&1 || true
}
after() { kill "$SPAWNED" 2>/dev/null; wait_for 3 rmdir "$(group)"; }
