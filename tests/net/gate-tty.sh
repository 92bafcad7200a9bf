#!/usr/bin/env bash
# The gate on a terminal: the command has it as if there were no gate (gate-tty.py plays the user).
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"

test_terminal() {
    local line
    mkdir -p "$LAB_DIR/bin"
    cat >"$LAB_DIR/bin/traffic-gen" <<'END'
#!/usr/bin/python3
"""A generator that says what terminal it has, and does what it is told."""
import os, signal, sys, time
def size(*_):
    s = os.get_terminal_size(1)
    print("size %dx%d" % (s.columns, s.lines), flush=True)
def interrupted(*_):
    print("interrupted", flush=True)
    sys.exit(9)
signal.signal(signal.SIGWINCH, size)
signal.signal(signal.SIGINT, interrupted)
print("terminals %d%d%d" % tuple(os.isatty(i) for i in range(3)), flush=True)
print("foreground %s" % (os.tcgetpgrp(0) == os.getpgrp()), flush=True)
size()
for word in sys.stdin:
    word = word.strip()
    print("heard " + word, flush=True)
    if word == "end":
        sys.exit(5)
END
    chmod 755 "$LAB_DIR/bin/traffic-gen"
    kr -q up
    while IFS= read -r line; do
        case $line in
        "ok "*) tap_ok "${line#ok }" ;;
        "not ok "*) tap_not_ok "${line#not ok }" ;;
        *) tap_note "$line" ;;
        esac
    done < <(timeout 120 python3 "$TESTS/net/gate-tty.py" "${RUN_NS[@]}" -- "$LAB_DIR/bin/traffic-gen" 2>&1)
    tap_check "what stood stands" test "$(mode)" = redirect
}

gate_main "${1:-}" terminal
