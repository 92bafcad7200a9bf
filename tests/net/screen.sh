#!/usr/bin/env bash
# status --watch in pseudo terminals: drawing, size, keys, signals, and what it leaves behind.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/columns.sh
. "$(dirname "$0")/columns.sh"

lab_init s
lab_world
lab_host
in_ns "$H" "$KR" -q up
spawn watch "$H" "$KR" watch
wait_for 20 test -s "$(kr_state).events.jsonl" || true
in_ns "$H" "$TOOLS/tcpconn" -w 500 "$MX4" 25 >/dev/null
in_ns "$H" python3 "$TESTS/net/screen.py" "$KR" status --watch
in_ns "$H" "$KR" -q down
forget_state
