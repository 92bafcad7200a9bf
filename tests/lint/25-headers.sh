#!/bin/bash
# Headers compile alone, and have at most 60 lines (those beside the sources too).
. "$(dirname "$0")/lib.sh"
need gcc
MOST=60
mapfile -t HOW < <(flags gcc)
export CC_HOW="${HOW[*]}"
alone() {
    # shellcheck disable=SC2086
    gcc $CC_HOW -Isrc -x c -fsyntax-only -include "$1" /dev/null || echo "$1: not self-contained"
}
export -f alone
{
    files 'include/*.h' 'src/*.h' | xargs -rP"$JOBS" -I{} bash -c 'alone {} 2>&1'
    files 'include/*.h' 'src/*.h' | xargs -r wc -l |
        awk -v most="$MOST" '$2 != "total" && $1 > most { print $2 ": " $1 " lines, at most " most }'
} | none
