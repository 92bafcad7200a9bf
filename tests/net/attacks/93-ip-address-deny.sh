TITLE="a packet filter on a cgroup, as systemd's IPAddressDeny makes it"
possible() { grep -q ' cgroup2 ' /proc/self/mounts || { echo "cgroup2 is not mounted on this machine"; return 1; }; }
group() { echo "$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)/$LAB"; }
setup() {
    mkdir -p "$(group)"
    spawn_ready deny "$H" nsenter -t $$ -m "$TOOLS/bpfload" cgroup "$(group)" egress
}
attack() { conn "$H" "$MX4" 25; conn "$H" "$MX6" 25; }
after() { kill "$SPAWNED" 2>/dev/null; wait_for 3 rmdir "$(group)"; }
