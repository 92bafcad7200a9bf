# shellcheck shell=bash
# Letting go: a host with mail servers and a DNS, asking `down`, and what the wire tells of it. Source
# it after tests/lib.sh.
# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/lib-postfix.sh
. "$TESTS/net/lib-postfix.sh"

# down_lab TAG WHAT PACKAGE...: the lab with witness, host and DNS; without the packages the suite ends
# here, skipped.
down_lab() {
    local tag=$1 what=$2
    shift 2
    pkg_need unbound "$@" || { tap_skip "$what" "the packages can't be fetched" && tap_done && exit; }
    mail_lab "$tag"
    lab_world
    witness_start
    lab_host
    dns_start
}
# down_parts WANTED PART...: each of them, or only the one that is wanted.
down_parts() {
    local want=$1 part
    shift
    for part; do
        [[ -z $want || $part == "$want" ]] || continue
        "test_$part"
    done
    tap_done
}

# kr_beside PID ARGS...: kumo-redirect, seeing the files that process sees.
kr_beside() {
    local pid=$1
    shift
    nsenter --mount="/proc/$pid/ns/mnt" --net="/run/netns/$H" "$KR" "$@"
}
# down_is STATUS PID ARGS...: `down --format json`, its answer in $LAB_DIR/down.
down_is() {
    local want=$1 pid=$2 got i
    shift 2
    for ((i = 0; i < 20; i++)); do
        got=0
        kr_beside "$pid" down --format json "$@" >"$LAB_DIR/down" 2>"$LAB_DIR/down.err" </dev/null || got=$?
        [[ $want == 0 && $got == 1 ]] && others_hold || break
        pause 0.5
    done
    [[ $got == "$want" ]] || { tap_note "status $got instead of $want: $(cat "$LAB_DIR/down.err" "$LAB_DIR/down")"; return 1; }
}
# Whoever starts or ends a mail server in a namespace of its own just then, another suite say, can't be told
# from one whose mail comes through here.
others_hold() { jq -e '.refused and all(.queues[] | select(.state != "empty"); .elsewhere)' "$LAB_DIR/down" >/dev/null; }
# survives MTA TEXT: down said that this server keeps that in mind, and what to do about it.
survives() { answered ".survives[] | select(.mta == \"$1\" and (.what | contains(\"$2\")) and .remedy != \"\")"; }
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

# ---- Postfix -------------------------------------------------------------------------------------

master() { tr -d ' ' <"$MTA_DIR/queue/pid/master.pid" 2>/dev/null; }
deferred() { (($(find "$MTA_DIR/queue/deferred" -type f | wc -l) >= $1)); }
# all_deferred N: so many are, and none is on its way between the queues, where find(1) meets it in both
# or in none of them.
settled() { deferred "$1" && [[ -z $(find "$MTA_DIR"/queue/{maildrop,incoming,active} -type f) ]]; }
all_deferred() { wait_for 60 settled "$1" || die "not deferred: $(mta_queued) queued, $(tail -n 3 "$MTA_DIR/log")"; }
postfix_again() {
    spawn postfix "$H" "${PKG_RUN[@]}" /usr/lib/postfix/sbin/master -c /etc/postfix
    wait_for 20 mta_answers || die "Postfix does not start again: $(cat "$LAB_DIR/postfix.log")"
}
# inject N: so many messages, to all domains in turn, as fast as Postfix takes them.
inject() {
    local domain each pids=() pid
    each=$(($1 / $(mail_domains | wc -l)))
    for domain in $(mail_domains); do
        in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/smtp-source -s 2 -m "$each" -l 1000 -f load@load.example \
            -t "user@$domain" 127.0.0.1:587 >"$LAB_DIR/source" 2>&1 &
        pids+=("$!")
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || die "smtp-source: $(cat "$LAB_DIR/source")"
    done
}

# ---- a stand-in for KumoMTA -----------------------------------------------------------------------

# kumod_says JSON: what kumod.py answers from now on.
kumod_says() { echo "$1" >"$LAB_DIR/kumod.tmp" && mv "$LAB_DIR/kumod.tmp" "$LAB_DIR/kumod.json"; }
kumod_start() { # NAME NS PORT [ADDRESS]
    spawn "$1" "$2" python3 "$TESTS/net/kumod.py" "$3" "$LAB_DIR/kumod.json" "${@:4}"
    KUMOD=$SPAWNED
    await_line "$LAB_DIR/$1.log" '^ready' 1 20 || die "$1 did not start: $(cat "$LAB_DIR/$1.log")"
}
