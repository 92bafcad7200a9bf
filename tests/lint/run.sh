#!/bin/bash
# Runs the checks of this folder, all of them although some fail, and says what failed.
# usage: tests/lint/run.sh [NAME...]    e.g. format tidy
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 70
# shellcheck source=tests/path.sh
. ../path.sh
FAILED=() RAN=0
OUT=$(mktemp) || exit 70
trap 'rm -f "$OUT"' EXIT
for check in [0-9]*.sh; do
    name=${check#*-} name=${name%.sh}
    [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
    RAN=$((RAN + 1)) start=$EPOCHREALTIME
    if "./$check" >"$OUT" 2>&1 </dev/null; then word=ok; else word=FAILED FAILED+=("$name"); fi
    printf '%-6s %-12s %6d ms\n' "$word" "$name" $(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    sed 's/^/    /' "$OUT"
done
if ((RAN == 0)); then
    echo "no check of the name: $*" >&2
    exit 2
fi
((${#FAILED[@]})) || { echo "lint: $RAN checks, all passed" && exit 0; }
echo "lint: ${#FAILED[@]} of $RAN checks failed: ${FAILED[*]}"
exit 1
