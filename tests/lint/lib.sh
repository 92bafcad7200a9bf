# shellcheck shell=bash
# What the checks share. Each check is one script here; it prints what is wrong and exits 1.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
export LC_ALL=C
BUILD=${BUILD:-$ROOT/build}
CACHE=$BUILD/lint
export JOBS
JOBS=$(nproc)
mkdir -p "$CACHE"

# files GLOB...: of the project, also those git does not know yet; without git, of the folder.
files() {
    local list
    if list=$(git -c safe.directory='*' ls-files -co --exclude-standard --deduplicate -- "$@" 2>/dev/null); then
        while IFS= read -r f; do
            [[ ! -e $f ]] || printf '%s\n' "$f"
        done <<<"$list"
    else
        find . -path ./build\* -prune -o -type f -print | sed 's|^\./||' | grep -Ef <(globs "$@") || true
    fi | sort -u
}

# Git's patterns as regular expressions: * crosses folders.
globs() {
    printf '%s\n' "$@" | sed 's/[.]/\\./g; s/\*/.*/g; s/^/^/; s/$/$/'
}

# none: passes on what is wrong; fails when there is anything.
none() {
    if grep .; then return 1; fi
}

# need COMMAND...: a check without its tool has not been passed.
need() {
    local c
    for c; do
        command -v "$c" >/dev/null || { echo "$c is not installed: sudo make deps"; exit 1; }
    done
}

# flags CC: how the Makefile compiles, one word a line.
flags() {
    make -s --no-print-directory BUILD="$CACHE/flags" CC="$1" print-flags | tr ' ' '\n' | grep -v '^$'
}
