# shellcheck shell=bash
# What the benchmarks share. Source it after tests/lib.sh; MISSED becomes 1 when a goal is missed.

# row NAME OURS RIVAL RATIO GOAL HOLDS
row() {
    printf '%-46s %14s %14s %8s  %-10s %s\n' "$1" "$2" "$3" "$4" "$5" "$6"
    [[ $6 != missed ]] || MISSED=1
}
# Of the numbers on standard input, the lower one where there are two.
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
