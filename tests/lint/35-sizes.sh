#!/bin/bash
# Files have at most 500 lines; functions at most 100, the median at most 15, the 90th percentile 45.
# A test function may be as long as 100 lines too, but does not count in the median.
. "$(dirname "$0")/lib.sh"
need ctags
BAD=0
files 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'tests/*.sh' 'contrib/*.sh' | xargs -r wc -l |
    awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines, at most 500"; bad = 1 } END { exit bad }' ||
    BAD=1
lengths() {
    files "$@" | ctags -f - --sort=no --languages=C --c-kinds=f --fields=+ne -L - |
        awk -F'\t' '{ a = e = 0
            for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) a = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5) }
            if (a && e) print e - a + 1, $1, $2 }' | sort -n
}
for tree in src tests; do
    lengths "$tree/*.c" | awk -v tree="$tree" '
        { n[NR] = $1; if ($1 > 100) { print $3 ": " $2 "() has " $1 " lines, at most 100"; bad = 1 } }
        END {
            if (!NR) exit
            median = n[int((NR + 1) / 2)]; p90 = n[int(NR * 0.9) > 0 ? int(NR * 0.9) : 1]
            printf "%s: %d functions, median %d, 90th percentile %d, longest %d (%s)\n",
                   tree, NR, median, p90, n[NR], $2
            if (tree == "src" && (median > 15 || p90 > 45)) { print "too long: 15 and 45 are the limits"; bad = 1 }
            exit bad
        }' || BAD=1
done
exit "$BAD"
