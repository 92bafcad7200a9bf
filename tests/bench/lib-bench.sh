# shellcheck shell=bash
# What the benchmarks share. Source it after tests/lib.sh; MISSED becomes 1 when a goal is missed.

# row NAME OURS RIVAL RATIO GOAL HOLDS
row() {
    printf '%-46s %14s %14s %8s  %-10s %s\n' "$1" "$2" "$3" "$4" "$5" "$6"
    [[ $6 != missed ]] || MISSED=1
}
# Of the numbers on standard input, the lower one where there are two.
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# paired_ratio OURS RIVAL: of two files with a number for each round, the median of what the rounds say.
# Rounds follow one another, so that it does not matter which of them met a faster machine.
paired_ratio() { paste "$1" "$2" | awk '$2 { printf "%.3f\n", $1 / $2 }' | median; }
