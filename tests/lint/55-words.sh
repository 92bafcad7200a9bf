#!/bin/bash
# What must not stand in the tree: machine paths, package mirrors, open ends without an issue, tests
# that sleep instead of waiting, binary files.
. "$(dirname "$0")/lib.sh"
BAD=0
# forbid WHY REGEX GLOB...: brackets keep this file from finding itself.
forbid() {
    local why=$1 regex=$2 hits
    shift 2
    hits=$(files "$@" | tr '\n' '\0' | xargs -0r grep -HnIE -- "$regex" || true)
    [[ -z $hits ]] || { printf '%s:\n%s\n' "$why" "$hits" && BAD=1; }
}
forbid 'a path of one machine' '/(wor[k]|far[m]|hom[e])/[a-z]' '*'
forbid 'a package registry' '(deb\.debia[n]|pypi\.or[g]|npmj[s]\.|crates\.i[o]|docker\.i[o]/)' '*'
forbid 'an open end without an issue: write TODO(#N)' '\b(TOD[O]|FIXM[E]|XX[X])\b($|[^(X.])' \
    'src/*' 'include/*' 'tests/*' 'contrib/*' 'rules/*' '*.md' Makefile
# A sleep of a second or more is allowed where it holds something open (in the background, or as the
# program of a namespace) or says why it is bounded.
SLEEPS=$(files 'tests/*.sh' 'contrib/*.sh' | { xargs -r grep -HnE '(^|[^a-z_-])sleep +["$]*[(]*[1-9a-z]' || true; } |
    grep -vE '^tests/lint/|&|exec .*sleep|# bounded: |sleep infinity|^[^:]*:[0-9]+: *#|0\.[0-9]' || true)
[[ -z $SLEEPS ]] || { printf 'a blind sleep; wait for a condition, or say "# bounded: why":\n%s\n' "$SLEEPS" && BAD=1; }
forbid 'a blind sleep in C' '\b(u|nano)?sleep\((1[0-9]{6}|[1-9][0-9]{0,5}\))' 'tests/*.c' 'src/*.c'
for f in $(files '*'); do
    [[ ! -s $f ]] || grep -qI . "$f" || { echo "$f: a binary file" && BAD=1; }
done
exit "$BAD"
