#!/usr/bin/env bash
# up --persist: the host reboots with a full queue. What the units' own lines do in a namespace that
# is fresh and still empty, with /run gone: nothing leaves, and it does without them.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/columns.sh
. "$(dirname "$0")/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$(dirname "$0")/lib-postfix.sh"
# shellcheck source=tests/net/lib-down.sh
. "$(dirname "$0")/lib-down.sh"

N=60
# Connections that stay open keep the policy they began with.
eval "$(declare -f mta_main | sed '1s/mta_main/mta_main_usual/')"
mta_main() {
    mta_main_usual | grep -v '^smtp_connection_cache'
    echo 'smtp_connection_cache_on_demand = no'
}

# A mount namespace where units and records are the test's; $HOLDER keeps it.
private_folders() {
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c '
        set -e
        mount -t tmpfs none /mnt # nobody else sees that
        for f in etc var/lib; do
            mkdir -p "/mnt/$f/up" "/mnt/$f/work"
            mount -t overlay -o "lowerdir=/$f,upperdir=/mnt/$f/up,workdir=/mnt/$f/work" none "/$f"
        done
        rm -rf /var/lib/kumo-redirect
        mkdir -p /etc/systemd/system
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

# unit_runs NAME: the command of a unit, in the lab's host.
unit_runs() {
    local line
    line=$(sed -n 's/^ExecStart=//p' "$UNITS/$1")
    # shellcheck disable=SC2086
    inside $line >"$LAB_DIR/unit.log" 2>&1
}
guard_unit() { unit_runs kumo-redirect-guard.service; }
restore_unit() { unit_runs kumo-redirect-restore.service; }

# reboot COMMAND: nothing is left but the disk; the command runs before there is any device.
reboot() {
    local then=$1 pid
    pid=$(tr -d ' ' <"$MTA_DIR/queue/pid/master.pid" 2>/dev/null || true)
    forget_state
    lab_host_gone
    [[ -z $pid ]] || wait_for 5 mta_gone "$pid"
    eval "$(declare -f ns_add | sed '1s/ns_add/ns_add_only/')"
    ns_add() { ns_add_only "$1" && { [[ $1 != "$H" ]] || "$then"; }; }
    lab_host
    eval "$(declare -f ns_add_only | sed '1s/ns_add_only/ns_add/')"
}
postfix_again() {
    spawn postfix "$H" "${PKG_RUN[@]}" /usr/lib/postfix/sbin/master -c /etc/postfix
    wait_for 20 mta_answers || die "Postfix does not start again"
}
flush() { in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/postqueue -f; }
deferred_all() { (($(find "$MTA_DIR/queue/deferred" -type f | wc -l) >= $1)); }
tried() { # FROM-LINE: each was tried again
    (($(tail -n "+$1" "$MTA_DIR/log" | grep -oE ': [0-9A-F]+: to=' | sort -u | wc -l) >= N))
}

test_install() {
    tree >"$LAB_DIR/before"
    tap_check "--persist for another namespace is refused" refused_netns
    kr -q up --persist --block-port 587
    tap_check "the record is there" test -s "$RECORD"
    tap_check "the mail servers require the guard" required_by kumomta postfix@- exim4
    tap_check "and start after it" grep -q '^Before=network-pre.target.* kumomta.service.* postfix@-.service.* exim4.service' "$UNITS/kumo-redirect-guard.service"
    if command -v systemd-analyze >/dev/null; then
        tap_check "systemd understands the units" units_verify
    else
        tap_skip "systemd understands the units" "there is no systemd-analyze"
    fi
}
required_by() {
    local name
    for name; do
        [[ -e $UNITS/$name.service.requires/kumo-redirect-guard.service ]] || return 1
    done
}
units_verify() {
    local said
    said=$(inside systemd-analyze verify --man=no --recursive-errors=no /etc/systemd/system/kumo-redirect-{guard,restore}.service 2>&1 |
        grep -F kumo-redirect- || true)
    [[ -z $said ]] || { tap_note "$said"; return 1; }
}
refused_netns() {
    local got=0
    nsenter --mount="/proc/$HOLDER/ns/mnt" "$KR" -n "$H" up --persist 2>"$LAB_DIR/err" || got=$?
    [[ $got == 2 && ! -e $RECORD ]]
}

test_reboot() {
    local from log
    sink_defers
    mta_inject $N 25
    wait_for 60 deferred_all $N || die "not deferred: $(tail -n 3 "$MTA_DIR/log")"
    witness_mark
    from=$MARKS
    reboot guard_unit
    tap_check "before any device is there the guard's line blocks" mode_is blocked
    postfix_again
    log=$(mta_log_end)
    flush
    tap_check "Postfix tries all of them" wait_for 30 tried "$log"
    tap_check "and nothing leaves" silent "$from"
    tap_check "the second line brings the redirect back" restore_unit
    tap_check "it stands" mode_is redirect
    tap_check "with the options it had" in_ns "$H" nft get element inet kumo_redirect guard_ports '{ 587 }'
    flush
    tap_check "the sink gets what was queued" wait_for 60 mta_idle
    tap_check "and nothing has left" silent "$from"
    tap_check "run again, both lines change nothing" both_again
}
both_again() { guard_unit && restore_unit && mode_is redirect; }

# After down had gone to blocked, blocked comes back.
test_blocked() {
    sink_defers
    mta_inject $N 25
    wait_for 60 deferred_all $N || die "not deferred: $(tail -n 3 "$MTA_DIR/log")"
    tap_check "down with a full queue is refused" down_is 1 "$HOLDER"
    reboot guard_unit
    tap_check "and blocked comes back" restore_unit
    tap_check "as blocked" mode_is blocked
}

# What can't be read, or can't be had, is blocked.
test_fail_closed() {
    local what
    cp "$RECORD" "$LAB_DIR/record"
    for what in '{' '{"schema":"kumo-redirect/persist/2","words":[],"blocked":false}' \
        '{"schema":"kumo-redirect/persist/1","words":["--sink=nowhere","--bogus"],"blocked":false}'; do
        echo "$what" >"$RECORD"
        reboot guard_unit
        tap_check "a record that is no good (${what:0:30}): blocked" mode_is blocked
        restore_unit || true
        tap_check "and it stays blocked" mode_is blocked
    done
    rm "$RECORD"
    reboot guard_unit
    tap_check "no record at all, but the units: blocked" mode_is blocked
    sed 's/"blocked":true/"blocked":false/' "$LAB_DIR/record" >"$RECORD"
    reboot guard_unit
    spawn_ready squatter "$H" "$TOOLS/sockd" -n squatter -p 2026
    tap_check "the sink can't start: the second line fails" fails restore_unit
    tap_check "and it is blocked" mode_is blocked
    kr -q down --force
    echo "$(<"$LAB_DIR/record")" >"$RECORD"
}
fails() { ! "$@"; }

# Without the units: what would have left.
test_control() {
    local from
    [[ $(mta_queued) -ge $N ]] || die "the queue is empty"
    witness_mark
    from=$MARKS
    reboot true
    postfix_again
    flush
    tap_check "control: without the units the queue goes to real hosts" wait_for 60 leaked_to "$from"
    wait_for 60 mta_idle || true
}

test_removed() {
    kr -q up --persist
    tap_check "up without --persist keeps it" keeps
    tap_check "down" down_is 0 "$HOLDER"
    tree >"$LAB_DIR/after"
    tap_check "takes all of it away" diff "$LAB_DIR/before" "$LAB_DIR/after"
    tap_check "a unit that systemd still knows restores nothing then" nothing_restored
}
keeps() { kr -q up --lan none && grep -q -- '--lan=none' "$RECORD"; }
nothing_restored() { kr restore --guards 2>"$LAB_DIR/err" && mode_is off; }

if ! pkg_need postfix unbound; then
    tap_skip "a reboot" "the packages can't be fetched"
    tap_done
    exit
fi
mail_lab r
private_folders
lab_world
witness_start
lab_host
dns_start
mta_start
test_install
test_reboot
test_blocked
test_fail_closed
test_control
test_removed
tap_done
