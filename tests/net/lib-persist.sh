# shellcheck shell=bash
# up --persist: folders of the test's own for units and records, and what a reboot leaves. Source it
# after lib-down.sh.

HOLDER='' ROOT='' RECORD='' UNITS=''

# A mount namespace where units and records are the test's; $HOLDER keeps it. systemd seems to run there.
private_folders() {
    # shellcheck disable=SC2016
    unshare --mount --propagation slave bash -c '
        set -e
        mount -t tmpfs none /mnt # nobody else sees that
        for f in etc var/lib; do
            mkdir -p "/mnt/$f/up" "/mnt/$f/work"
            mount -t overlay -o "lowerdir=/$f,upperdir=/mnt/$f/up,workdir=/mnt/$f/work" none "/$f"
        done
        rm -rf /var/lib/kumo-redirect
        mkdir -p /etc/systemd/system /run/kumo-redirect
        for f in kumo-redirect netns; do
            mkdir -p "/mnt/$f"
            mount --rbind "/run/$f" "/mnt/$f"
        done
        mount -t tmpfs none /run
        for f in kumo-redirect netns; do
            mkdir -p "/run/$f"
            mount --rbind "/mnt/$f" "/run/$f" # namespaces that come later are seen, too
        done
        mkdir -p /run/systemd/system
        echo ready
        exec sleep infinity' >"$LAB_DIR/holder.log" 2>&1 &
    HOLDER=$!
    LAB_PIDS+=("$HOLDER")
    disown "$HOLDER"
    await_line "$LAB_DIR/holder.log" ready 1 20 || die "no folders: $(cat "$LAB_DIR/holder.log")"
    ROOT=/proc/$HOLDER/root
    RECORD=$ROOT/var/lib/kumo-redirect/persist.json
    UNITS=$ROOT/etc/systemd/system
}
tree() { (cd "$ROOT/etc/systemd" && find . | sort); ls "$ROOT/var/lib/kumo-redirect" 2>/dev/null || true; }
inside() { nsenter --mount="/proc/$HOLDER/ns/mnt" --net="/run/netns/$H" "$@"; }
kr() { inside "$KR" "$@"; }

# unit_runs NAME: the command of a unit, in the lab's host; 1 when there is no such unit.
unit_runs() {
    local line
    line=$(sed -n 's/^ExecStart=//p' "$UNITS/$1" 2>/dev/null) || return
    # shellcheck disable=SC2086
    inside $line >"$LAB_DIR/unit.log" 2>&1
}
guard_unit() { unit_runs kumo-redirect-guard.service; }
restore_unit() { unit_runs kumo-redirect-restore.service; }

# reboot COMMAND: nothing is left but the disk; the command runs before there is any device.
reboot() {
    local then=$1 pid
    pid=$(master) || true
    forget_state
    lab_host_gone
    [[ -z $pid ]] || wait_for 5 mta_gone "$pid"
    eval "$(declare -f ns_add | sed '1s/ns_add/ns_add_only/')"
    ns_add() { ns_add_only "$1" && { [[ $1 != "$H" ]] || "$then"; }; }
    lab_host
    eval "$(declare -f ns_add_only | sed '1s/ns_add_only/ns_add/')"
}
flush() { in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/postqueue -f; }
# tried FROM-LINE N: so many messages were tried again.
tried() { (($(tail -n "+$1" "$MTA_DIR/log" | grep -oE ': [0-9A-F]+: to=' | sort -u | wc -l) >= $2)); }
fails() { ! "$@"; }
