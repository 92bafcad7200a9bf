# shellcheck shell=bash
# Asking `down`, and what the wire tells of it. Source it after tests/lib.sh, columns.sh and
# lib-postfix.sh.

# kr_beside PID ARGS...: kumo-redirect, seeing the files that process sees.
kr_beside() {
    local pid=$1
    shift
    nsenter --mount="/proc/$pid/ns/mnt" --net="/run/netns/$H" "$KR" "$@"
}
# down_is STATUS PID ARGS...: `down --format json`, its answer in $LAB_DIR/down.
down_is() {
    local want=$1 pid=$2 got=0
    shift 2
    kr_beside "$pid" down --format json "$@" >"$LAB_DIR/down" 2>"$LAB_DIR/down.err" </dev/null || got=$?
    [[ $got == "$want" ]] || { tap_note "status $got instead of $want: $(cat "$LAB_DIR/down.err" "$LAB_DIR/down")"; return 1; }
}
answered() { jq -e "$1" "$LAB_DIR/down" >"$LAB_DIR/jq" 2>&1 || { tap_note "$1: $(cat "$LAB_DIR/down")"; return 1; }; }
mode() { in_ns "$H" "$KR" status --format json | jq -r .mode; }
mode_is() { [[ $(mode) == "$1" ]] || { tap_note "it is $(mode)"; return 1; }; }
state_is() { answered ".queues[0] | .state == \"$1\""; }
fits_schema() {
    python3 - "$REPO/contrib/schema/down.schema.json" "$LAB_DIR/down" <<'END'
import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))
END
}
wire() { witness_said "$1" "$MARKS" | grep -E '^(leak|sink) ' || true; }
silent() { # FROM: the witnesses saw nothing since that mark
    witness_mark && wire "$1" >"$LAB_DIR/wire" && [[ ! -s $LAB_DIR/wire ]] || { tap_note "$(head -n 5 "$LAB_DIR/wire")"; return 1; }
}
leaked_to() { # FROM: real exchangers were talked to since that mark
    witness_mark && wire "$1" | grep -q '^leak in0 '
}

# Until every worker of the sink does.
sink_defers() {
    "$KR_SINK" ctl "$(kr_state).sink.sock" set default defer 100 >"$LAB_DIR/ctl" 2>&1 || die "$(cat "$LAB_DIR/ctl")"
    wait_for 20 all_defer || die "the sink does not defer"
}
all_defer() {
    in_ns "$H" python3 - "$MX4" <<'END'
import smtplib, sys
for i in range(12):
    with smtplib.SMTP(sys.argv[1], 25, timeout=10, local_hostname="probe.example") as s:
        try:
            s.sendmail("probe@load.example", "probe@load.example", "Subject: probe\r\n\r\n")
            sys.exit(1)
        except smtplib.SMTPDataError as e:
            assert e.smtp_code // 100 == 4
END
}
equal() { [[ $1 == "$2" ]] || { tap_note "wanted $2, got $1"; return 1; }; }
ns_pid_gone() { kill "$1" 2>/dev/null || true; wait_for 5 mta_gone "$1"; }
