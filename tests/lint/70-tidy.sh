#!/bin/bash
# clang-tidy with the repository's .clang-tidy. A file is looked at again only when it, a header it
# includes, the configuration or the compiler flags changed.
. "$(dirname "$0")/lib.sh"
need clang-tidy clang
mkdir -p "$CACHE/tidy"
TIDY_HOW=$(flags clang | grep -E '^-(D|I|std)' | tr '\n' ' ')
TIDY_ENV=$( (clang-tidy --version; cat .clang-tidy tests/lint/analyzer.h tests/lint/70-tidy.sh; echo "$TIDY_HOW") | sha256sum)
export CACHE TIDY_HOW TIDY_ENV

# Where the analyzer is wrong, and what looks there instead.
exceptions() {
    case $1 in
    # It cannot follow lists linked in both directions; the SMTP tests run under ASan.
    src/sink/conn.c) echo '-clang-analyzer-unix.Malloc,-clang-analyzer-core.NullDereference' ;;
    esac
}
export -f exceptions

tidy() {
    local file=$1 deps key log promise='-include tests/lint/analyzer.h'
    [[ $file != src/base/err.c ]] || promise=
    # shellcheck disable=SC2086
    deps=$(clang $TIDY_HOW -MM "$file" | sed 's/^[^:]*://; s/\\$//') || exit 1
    # shellcheck disable=SC2086
    key=$( (echo "$TIDY_ENV $file"; cat $deps) | sha256sum | cut -c1-32)
    [[ ! -e $CACHE/tidy/$key ]] || exit 0
    log=$(mktemp)
    # shellcheck disable=SC2086
    if clang-tidy --quiet --checks="$(exceptions "$file")" "$file" -- $TIDY_HOW $promise >"$log" 2>/dev/null && ! grep -q . "$log"; then
        : >"$CACHE/tidy/$key"
        rm -f "$log"
        exit 0
    fi
    grep -A1 -E '(error|warning): ' "$log" | sed "s|$PWD/||"
    rm -f "$log"
    exit 1
}
export -f tidy
# The longest first, so that none is left alone at the end.
files 'src/*.c' | xargs -r ls -S | xargs -rP"$JOBS" -I{} bash -c 'tidy {}'
