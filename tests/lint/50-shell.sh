#!/bin/bash
# What shellcheck says, and which scripts can be run: those that start with #!, and no others.
. "$(dirname "$0")/lib.sh"
need shellcheck
BAD=0
# SC1091: what is sourced is looked at by itself. SC2034, SC2154: a script sets what a library reads,
# and the other way round.
files '*.sh' '.ci/run' 'contrib/completion/bash/*' | { xargs -r grep -lE '^#!' || true; } |
    xargs -rP"$JOBS" -n4 shellcheck -S warning -e SC1091,SC2034 || BAD=1
files '*.sh' 'contrib/completion/bash/*' | { xargs -r grep -LE '^#!' || true; } |
    xargs -r shellcheck -s bash -S warning -e SC1091,SC2034,SC2154 || BAD=1
for f in $(files '*.sh' '.ci/run'); do
    if [[ $(head -c2 "$f") == '#!' ]]; then
        [[ -x $f ]] || { echo "$f: starts with #!, but is not executable" && BAD=1; }
    else
        [[ ! -x $f ]] || { echo "$f: executable, but has no #! line" && BAD=1; }
    fi
done
exit "$BAD"
