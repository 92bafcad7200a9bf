# shellcheck shell=bash
# What the tests of the watch share. Source it after tests/lib.sh.

export ANSWERS=$TESTS/net/answers.py
kr() { in_ns "$H" "$KR" "$@"; }
host() { in_ns "$H" "$@" </dev/null; }

# start_watch NAME ARGS...: waits until it has started; its process is left in WATCH, its log in LOG.
start_watch() {
    local name=$1
    shift
    LOG=$LAB_DIR/$name.log
    rm -f "$LOG"
    spawn "$name" "$H" "$KR" watch --format json "$@"
    WATCH=$SPAWNED
    await_line "$LOG" '"event":"started"' || { tap_note "$(cat "$LOG")"; return 1; }
}

gone() { ! kill -0 "$WATCH" 2>/dev/null; }
end_watch() {
    kill "$WATCH"
    wait_for 5 gone
}
lines() { wc -l <"$LOG"; }
# told REGEX [FROM-LINE] [SECONDS]
told() { await_line "$LOG" "$1" "${2:-1}" "${3:-3}" || { tap_note "$(tail -n 5 "$LOG")"; return 1; }; }
status_is() {
    local want=$1 got=0
    kr status --quiet || got=$?
    [[ $got == "$want" ]]
}
# fails STATUS ARGS...: the program ends so.
fails() {
    local want=$1 got=0
    shift
    timeout 20 ip netns exec "$H" "$KR" "$@" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || got=$?
    [[ $got == "$want" ]] || { tap_note "exit $got instead of $want: $(cat "$LAB_DIR/err")"; return 1; }
}
says() { grep -qF -- "$1" "$LAB_DIR/err" || { tap_note "$(cat "$LAB_DIR/err")"; return 1; }; }
unseen() { # FROM: the witnesses saw nothing since that mark
    witness_mark && ! witness_said "$1" "$MARKS" | grep -E '^(leak|sink) '
}
seen() { witness_mark && witness_said "$1" "$MARKS" | grep -qE '^leak '; }
mode() { kr status --format json | jq -r .mode; }

# The file of this namespace in the state folder.
record() { echo "/run/kumo-redirect/$(in_ns "$H" stat -Lc %i /proc/self/ns/net).$1"; }

# ---- attackers -----------------------------------------------------------------------------------

# Connects without a pause to hosts that are reached by both uplinks; with `bound` by sockets that are
# bound to a device too, which the failsafe alone can't stop.
attack_start() {
    spawn attack "$H" bash -c "while :; do for to in $MX4 $MX6 $MX4B $MX6B; do
        '$TOOLS/tcpconn' -w 5 \$to 25
        [[ -z '${1:-}' ]] || { '$TOOLS/tcpconn' -w 5 -d up0 \$to 25; '$TOOLS/tcpconn' -w 5 -d up1 \$to 25; }
        done; done"
    ATTACK=$SPAWNED
}
attack_end() { kill -9 "$ATTACK" 2>/dev/null || true; }
served() { in_ns "$H" "$TOOLS/tcpconn" -w 2000 "$MX4" 25 | grep -q kumo-sink; }

# run_parts WANTED PART...: each in a lab of its own, or only the one that is wanted.
run_parts() {
    local want=$1 part
    shift
    lab_world
    witness_start
    for part; do
        [[ -z $want || $part == "$want" ]] || continue
        lab_host
        "test_$part"
        lab_host_gone
    done
    tap_done
}
