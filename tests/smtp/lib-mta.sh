# shellcheck shell=bash
# A sink in the lab's host, and its account, for mail servers other people wrote. Source it after
# tests/lib.sh.

# sink_up OPTIONS...
sink_up() {
    rm -f "$LAB_DIR/control"
    spawn sink "$H" "$KR_SINK" -w 1 -l 127.0.0.1:2026 -c "$LAB_DIR/control" --live never "$@"
    SINK=$SPAWNED
    wait_for 10 asks ping >/dev/null || die "no sink: $(cat "$LAB_DIR/sink.log")"
}
asks() { python3 - "$LAB_DIR/control" "$1" 2>/dev/null <<'END'
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(30)
    s.connect(sys.argv[1])
    s.sendall(sys.argv[2].encode() + b"\n")
    print(s.makefile().readline(), end="")
END
}
sink_down() {
    asks stop >"$LAB_DIR/account" || tap_note "the sink does not answer: $(cat "$LAB_DIR/sink.log")"
    wait_for 10 gone "$SINK" || die "the sink did not end: $(cat "$LAB_DIR/sink.log")"
}
gone() { ! kill -0 "$1" 2>/dev/null; }
counted() { jq -r "$1" "$LAB_DIR/account"; }
equal() { [[ $1 == "$2" ]] || { tap_note "wanted $2, got $1"; return 1; }; }

# stands_like COUNT REGEX FILE: so many lines of the file match.
stands_like() { equal "$(grep -cE -- "$2" "$3")" "$1" || { tap_note "of: $2"; return 1; }; }

# What the policy says has to show up in the MTA's log and queue.
policy_to_show() { cp "$(dirname "${BASH_SOURCE[0]}")/shown.toml" "$LAB_DIR/policy.toml"; }
