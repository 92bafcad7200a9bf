#!/usr/bin/env bash
# up --persist: the host reboots with a full queue. What the units' own lines do in a namespace that
# is fresh and still empty, with /run gone: nothing leaves, and it does without them.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-down.sh
. "$(dirname "$0")/lib-down.sh"
# shellcheck source=tests/net/lib-persist.sh
. "$(dirname "$0")/lib-persist.sh"

N=60
# Connections that stay open keep the policy they began with.
eval "$(declare -f mta_main | sed '1s/mta_main/mta_main_usual/')"
mta_main() {
    mta_main_usual | grep -v '^smtp_connection_cache'
    echo 'smtp_connection_cache_on_demand = no'
}

test_install() {
    tree >"$LAB_DIR/before"
    tap_check "without systemd, up says that nobody reads the units" unread
    tap_check "--persist for another namespace is refused" refused_netns
    kr up --persist --block-port 587 >"$LAB_DIR/out" 2>&1
    tap_check "with it, up says that it will stand again" grep -q 'will stand again after a reboot' "$LAB_DIR/out"
    tap_check "the record is there" test -s "$RECORD"
    tap_check "the mail servers require the guard" required_by kumomta postfix@- exim4
    tap_check "the guard comes before the network and all of them" ordered Before guard network-pre.target "${SERVERS[@]}"
    tap_check "the second after the network and the guard" ordered After restore network-online.target kumo-redirect-guard.service
    tap_check "but before the mail servers" ordered Before restore "${SERVERS[@]}"
    tap_check "both are enabled, by links that lead to them" enabled
    if command -v systemd-analyze >/dev/null; then
        tap_check "systemd understands the units" units_verify
        tap_check "control: it says what it does not understand" control_verify
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
SERVERS=({kumomta,postfix,postfix@-,exim4}.service)
# ordered After|Before UNIT NAME...: the unit's own lines say so.
ordered() {
    local what=$1 unit=$2 name
    shift 2
    for name; do
        grep -E "^$what=" "$UNITS/kumo-redirect-$unit.service" | tr '= ' '\n\n' | grep -qxF "$name" ||
            { tap_note "$unit: no $what=$name"; return 1; }
    done
}
enabled() {
    local etc=/etc/systemd/system
    inside test "$etc/sysinit.target.wants/kumo-redirect-guard.service" -ef "$etc/kumo-redirect-guard.service" &&
        inside test "$etc/multi-user.target.wants/kumo-redirect-restore.service" -ef "$etc/kumo-redirect-restore.service"
}
verify_says() { inside systemd-analyze verify --man=no --recursive-errors=no "$@" 2>&1 | grep -F kumo-redirect- || true; }
units_verify() {
    local said
    said=$(verify_says /etc/systemd/system/kumo-redirect-{guard,restore}.service)
    [[ -z $said ]] || { tap_note "$said"; return 1; }
}
control_verify() {
    local unit=kumo-redirect-control.service
    sed 's/^Before=/Bfore=/' "$UNITS/kumo-redirect-guard.service" >"$UNITS/$unit"
    verify_says "/etc/systemd/system/$unit" >"$LAB_DIR/out"
    rm "$UNITS/$unit"
    grep -q Bfore "$LAB_DIR/out"
}
unread() {
    inside mv /run/systemd/system /run/systemd/not
    kr up --persist --block >"$LAB_DIR/out" 2>&1
    inside mv /run/systemd/not /run/systemd/system
    kr -q down >/dev/null
    grep -q 'systemd does not run here.*restore --guards' "$LAB_DIR/out" && ! grep -q 'will stand again' "$LAB_DIR/out" ||
        { tap_note "$(cat "$LAB_DIR/out")"; return 1; }
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
    all_deferred $N
    witness_mark
    from=$MARKS
    reboot guard_unit
    tap_check "before any device is there the guard's line blocks" mode_is blocked
    postfix_again
    log=$(mta_log_end)
    flush
    tap_check "Postfix tries all of them" wait_for 30 tried "$log" $N
    tap_check "and nothing leaves" silent "$from"
    tap_check "the second line brings the redirect back" restore_unit
    tap_check "it stands" mode_is redirect
    tap_check "with the options it had" has_port 587
    flush
    tap_check "the sink gets what was queued" wait_for 60 mta_idle
    tap_check "and nothing has left" silent "$from"
    tap_check "run again, both lines change nothing" both_again
}
has_port() { in_ns "$H" nft get element inet kumo_redirect guard_ports "{ $1 }" >/dev/null; }
both_again() { guard_unit && restore_unit && mode_is redirect; }

# After down had gone to blocked, blocked comes back.
test_blocked() {
    sink_defers
    mta_inject $N 25
    all_deferred $N
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

down_lab r "a reboot" postfix
private_folders
mta_start
down_parts "" install reboot blocked fail_closed control removed
