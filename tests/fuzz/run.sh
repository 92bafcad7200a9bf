#!/bin/bash
# Runs each fuzzer that was built for FUZZ_SECONDS, from the inputs kept in tests/fuzz/corpus/NAME and
# those found before. An input that breaks something is added to that corpus, to be kept with the fix;
# inputs that only reach further stay below BUILD, unless FUZZ_KEEP=1 writes the corpora anew: the
# fewest of all inputs that reach as far. FUZZ_ONLY='sink_path toml' picks fuzzers.
# Ends with 1 when anything broke.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70
BUILD=${BUILD:-$PWD/build-fuzz}
SECONDS_EACH=${FUZZ_SECONDS:-20}
LENGTH=1200
BAD=() RAN=0

# fuzz NAME DICTIONARY SEEDS...: sets RUNS.
fuzz() {
    local name=$1 log=$BUILD/$1.log dictionary=()
    [[ ! -e $2 ]] || dictionary=("-dict=$2")
    shift 2
    "$BUILD/tests/fuzz/fuzz_$name" -max_total_time="$SECONDS_EACH" -max_len="$LENGTH" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$BUILD/find-$name-" "${dictionary[@]}" "$@" >"$log" 2>&1 </dev/null ||
        return 1
    RUNS=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
}

# minimise NAME SEEDS...: the corpus anew.
minimise() {
    local name=$1 few=$BUILD/corpus/$1.few
    shift
    rm -rf "$few"
    mkdir -p "$few"
    "$BUILD/tests/fuzz/fuzz_$name" -merge=1 -use_counters=0 -max_len="$LENGTH" "$few" "$@" >"$BUILD/$name.merge.log" 2>&1 </dev/null &&
        tests/fuzz/corpus.py collect "tests/fuzz/corpus/$name" "$few"
}

for source in tests/fuzz/fuzz_*.c; do
    name=${source##*/fuzz_} name=${name%.c}
    kept=tests/fuzz/corpus/$name grown=$BUILD/corpus/$name seeds=$BUILD/corpus/$name.kept
    [[ " ${FUZZ_ONLY:-$name} " == *" $name "* ]] || continue
    [[ -x $BUILD/tests/fuzz/fuzz_$name ]] || { BAD+=("$name") && echo "$name was not built" && continue; }
    mkdir -p "$grown" "$seeds" "${kept%/*}"
    rm -f "$BUILD/find-$name-"* "$seeds"/*
    tests/fuzz/corpus.py expand "$kept" "$seeds"
    RAN=$((RAN + 1))
    if fuzz "$name" "${source%.c}.dict" "$grown" "$seeds"; then
        [[ ${FUZZ_KEEP:-} != 1 ]] || minimise "$name" "$seeds" "$grown" ||
            { BAD+=("$name") && tail -n 5 "$BUILD/$name.merge.log"; }
        echo "ok     $name: $RUNS inputs in $SECONDS_EACH s, $(find "$grown" -type f | wc -l) reach further"
    else
        BAD+=("$name")
        for f in "$BUILD/find-$name-"*; do
            [[ ! -e $f ]] || tests/fuzz/corpus.py add "$kept" "$f" "${f##*/find-"$name"-}"
        done
        echo "FAILED $name; the input is in $kept"
        grep -nE 'ERROR|runtime error|SUMMARY|Test unit written' "$BUILD/$name.log" | head -n 10 | sed 's/^/    /'
        tail -n 15 "$BUILD/$name.log" | sed 's/^/    /'
    fi
done
((RAN || ${#BAD[@]})) || { echo "there is no fuzzer" >&2 && exit 2; }
echo "fuzz: $RAN fuzzers, ${#BAD[@]} failed"
((${#BAD[@]} == 0))
