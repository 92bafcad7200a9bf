#!/bin/bash
# Runs each fuzzer that was built for FUZZ_SECONDS, from the inputs kept in tests/fuzz/corpus/NAME.
# An input that breaks something becomes a file there, to be kept with the fix; new inputs that only
# reach further are kept below BUILD. Ends with 1 when anything broke.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70
BUILD=${BUILD:-$PWD/build-fuzz}
SECONDS_EACH=${FUZZ_SECONDS:-20}
BAD=() RAN=0
for source in tests/fuzz/fuzz_*.c; do
    name=${source##*/} name=${name%.c}
    kept=tests/fuzz/corpus/${name#fuzz_} grown=$BUILD/corpus/$name log=$BUILD/$name.log
    [[ -x $BUILD/tests/fuzz/$name ]] || { BAD+=("$name") && echo "$name was not built" && continue; }
    mkdir -p "$grown"
    seeds=("$grown")
    [[ ! -d $kept ]] || seeds+=("$kept")
    dictionary=()
    [[ ! -e ${source%.c}.dict ]] || dictionary=("-dict=${source%.c}.dict")
    RAN=$((RAN + 1))
    find="$BUILD/find-${name#fuzz_}-"
    rm -f "$find"*
    if "$BUILD/tests/fuzz/$name" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$find" "${dictionary[@]}" "${seeds[@]}" \
        >"$log" 2>&1 </dev/null; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok     $name: $runs inputs in $SECONDS_EACH s, $(find "$grown" -type f | wc -l) kept"
    else
        BAD+=("$name")
        mkdir -p "$kept"
        for f in "$find"*; do [[ ! -e $f ]] || cp "$f" "$kept/${f##*/find-"${name#fuzz_}"-}"; done
        echo "FAILED $name; the input is in $kept"
        grep -nE 'ERROR|runtime error|SUMMARY|Test unit written' "$log" | head -n 10 | sed 's/^/    /'
        tail -n 15 "$log" | sed 's/^/    /'
    fi
done
((RAN || ${#BAD[@]})) || { echo "there is no fuzzer" >&2 && exit 2; }
echo "fuzz: $RAN fuzzers, ${#BAD[@]} failed"
((${#BAD[@]} == 0))
