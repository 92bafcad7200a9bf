#!/bin/bash
# Layers: a lower folder of src includes no header that a higher one implements, sink and gen only
# those of base. Which folder implements a header follows from where the functions and variables it
# declares are defined; a header of types alone stands as high as the highest it includes.
. "$(dirname "$0")/lib.sh"
need ctags
SOURCES=$(files 'src/*.[ch]')
HEADERS=$(files 'include/kr/*.h')
tags() {
    ctags -f - --sort=no --languages=C --langmap=C:.c.h --fields=+K --c-kinds="$1" -L - | cut -f1,2
}
{
    grep '\.c$' <<<"$SOURCES" | tags fv | sed 's/^/def\t/'
    tags px <<<"$HEADERS" | sed 's/^/dec\t/'
    # shellcheck disable=SC2086
    grep -HoE '^#include <kr/[a-z0-9_]+\.h>' $HEADERS $SOURCES |
        sed -E 's|^([^:]+):#include <(kr/[^>]+)>|inc\t\1\tinclude/\2|'
    # shellcheck disable=SC2086
    grep -HoE '^#include "[^"]+"' $SOURCES | sed -E 's|^([^:]+):#include "([^"]+)"|own\t\1\t\2|'
} | awk -F'\t' '
function layer_of(file) { split(file, part, "/"); return part[2] }
function allowed(from, to) {
    if (to == "" || from == to) return 1
    if (from == "sink" || from == "gen") return to == "base"
    return (to in rank) && rank[to] <= rank[from]
}
# The layer of a header: its own, else the highest of those it includes.
function height(h, depth,    n, list, i, best, l) {
    if (h in home) return home[h]
    if (depth > 20) return ""
    n = split(includes[h], list, " ")
    for (i = 1; i <= n; i++) {
        l = height(list[i], depth + 1)
        if (l != "" && (best == "" || rank[l] > rank[best])) best = l
    }
    return best
}
BEGIN {
    split("base net facts act report cmd", order, " ")
    for (i in order) rank[order[i]] = i
    rank["sink"] = rank["gen"] = 1.5
    rank["preflight"] = rank["fetch"] = 3.5
}
$1 == "def" { where[$2] = where[$2] " " layer_of($3); next }
$1 == "dec" {
    n = split(where[$2], at, " ")
    if (n == 0) { printf "%s: %s() is defined nowhere\n", $3, $2; bad = 1; next }
    if (n > 1) next # a name that static functions share
    if (($3 in home) && home[$3] != at[1]) {
        printf "%s: implemented in two layers, %s and %s (%s)\n", $3, home[$3], at[1], $2; bad = 1
    }
    home[$3] = at[1]
    next
}
$1 == "inc" && $2 ~ /^include/ { includes[$2] = includes[$2] " " $3 }
$1 == "inc" { from[++edges] = $2; to[edges] = $3; next }
$1 == "own" && $3 ~ /\// { printf "%s: includes \"%s\", of another folder\n", $2, $3; bad = 1 }
END {
    for (i = 1; i <= edges; i++) {
        f = from[i] ~ /^include/ ? height(from[i], 0) : layer_of(from[i])
        t = height(to[i], 0)
        if (f != "" && !allowed(f, t)) {
            printf "%s (%s) includes %s, which %s implements\n", from[i], f, to[i], t; bad = 1
        }
    }
    for (h in home) count[home[h]]++
    for (l in count) summary = summary " " l " " count[l]
    printf "headers by layer:%s; %d includes looked at\n", summary, edges
    exit bad
}'
