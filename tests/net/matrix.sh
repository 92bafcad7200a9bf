#!/usr/bin/env bash
# Every attack against nothing at all, the documented iptables line, its nft equivalent for both
# families, and kumo-redirect. The witnesses outside are the oracle; an attack they do not see when
# nothing protects proves nothing, and that is an error.
#
#   matrix.sh [--tap] [ROW-PATTERN]
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/attack.sh
. "$TESTS/net/attack.sh"

TAP=
[[ ${1:-} == --tap ]] && { TAP=1; shift; }
PATTERN=${1:-}
COLUMNS_ALL=(none line dual kr)

# One cell, left in CELL; what was seen and heard stays in $LAB_DIR/COLUMN.said and .heard.
cell() {
    COLUMN=$1
    HEARD=$LAB_DIR/$1.heard
    : >"$HEARD"
    : >"$LAB_DIR/$1.said"
    lab_host
    CELL=
    guarded_attack
    after || true
    forget_state
    lab_host_gone
}

guarded_attack() {
    local from
    before || { CELL="not set up"; return 0; }
    witness_mark || die "a witness is dead: see the marks in its log"
    from=$MARKS
    if ! "protect_$COLUMN"; then
        CELL=refused
        cp "$LAB_DIR/up.log" "$HEARD"
        return 0
    fi
    setup || { CELL="not set up"; return 0; }
    attack || CELL="not attacked"
    witness_mark || die "a witness is dead: see the marks in its log"
    witness_said "$from" "$MARKS" >"$LAB_DIR/$COLUMN.said"
    [[ -n $CELL ]] || judge "$LAB_DIR/$COLUMN.said"
}

# Did each connection bring the greeting of a host whose name matches?
all_heard() {
    local tries
    tries=$(grep -c '^try' "$HEARD" || true)
    ((tries > 0 && tries == $(grep -cE "^recv 220 .*$1" "$HEARD" || true))) && ! grep -q '^broken' "$HEARD"
}

judge() {
    if [[ $COLUMN == none && -n $SEEN ]]; then
        if grep -qE -- "$SEEN" "$1"; then CELL=LEAK; else CELL=unseen; fi
    elif grep -qE '^(leak|sink) ' "$1"; then
        CELL=LEAK
    elif [[ -n $WANT ]]; then
        if all_heard "$WANT"; then CELL=works; else CELL=broken; fi
    elif [[ $COLUMN == kr && -n $SERVED ]] && ! all_heard kumo-sink; then
        CELL="not served"
    else
        CELL=ok
    fi
}

# A row is a script that defines attack, and may define
#   before   what is there before the protection    setup   what changes after it     after   undoing
#   TITLE    what it is           SEEN     what the control must have seen (default: any leak)
#   SERVED   kumo-redirect must not only stop it: the sink must answer every connection
#   WANT     nothing must be stopped: every connection must be greeted by this host
#   REFUSAL  `up` may also refuse          KR_ARGS  more of its command line
#   ONLY     the one column it is for
run_row() {
    local column
    declare -gA GOT=()
    # shellcheck disable=SC2034 # KR_ARGS is for protect_kr
    TITLE='' WANT='' SERVED='' SEEN='' REFUSAL='' KR_ARGS='' ONLY=''
    before() { :; }
    setup() { :; }
    after() { :; }
    # shellcheck source=/dev/null
    . "$1"
    for column in "${COLUMNS_ALL[@]}"; do
        CELL=-
        [[ -n $ONLY && $ONLY != "$column" ]] || cell "$column"
        GOT[$column]=$CELL
    done
}

control_held() {
    case ${GOT[none]} in
    LEAK) [[ -z $WANT ]] ;;
    works) [[ -n $WANT ]] ;;
    -) [[ -n $ONLY ]] ;;
    *) false ;;
    esac
}

row_held() {
    case ${GOT[kr]} in
    ok) [[ -z $WANT ]] ;;
    works) [[ -n $WANT ]] ;;
    refused) [[ -n $REFUSAL ]] ;;
    *) false ;;
    esac
}

# What was seen and heard in the columns that decide, as comments.
evidence() {
    local column
    for column in none kr; do
        [[ -s $LAB_DIR/$column.said || -s $LAB_DIR/$column.heard ]] || continue
        tap_note "$column, witness: $(head -n 6 "$LAB_DIR/$column.said")"
        tap_note "$column, attacker: $(tail -n 6 "$LAB_DIR/$column.heard")"
    done
}

# Every JOBS-th row, in a lab of its own; each result is a file that appears complete.
worker() {
    local script name i=0
    lab_init "m$1"
    lab_world
    witness_start
    for script in "${SCRIPTS[@]}"; do
        ((i++ % JOBS == $1)) || continue
        name=$(basename "$script" .sh)
        run_row "$script"
        evidence >"$RESULTS/$name.evidence"
        declare -p TITLE WANT ONLY REFUSAL GOT >"$RESULTS/$name.new"
        mv "$RESULTS/$name.new" "$RESULTS/$name"
    done
}

there_or_over() { [[ -e $RESULTS/$1 ]] || ! kill -0 "$2" 2>/dev/null; }

# Puts the row's variables where run_row of its worker had them.
result() {
    local name=$1 pid=$2
    wait_for 120 there_or_over "$name" "$pid" || die "no result of $name in 120 s"
    [[ -e $RESULTS/$name ]] || die "the worker of $name ended: $(cat "$RESULTS"/worker*)"
    # shellcheck source=/dev/null
    . <(sed 's/^declare -A/declare -gA/; s/^declare --/declare -g/' "$RESULTS/$name")
}

tap_row() {
    if ! control_held; then
        tap_not_ok "$1 $TITLE: worthless, without any protection it is \"${GOT[none]}\""
    elif row_held; then
        tap_ok "$1 $TITLE: ${GOT[kr]} (line ${GOT[line]}, nft ${GOT[dual]})"
        return
    else
        tap_not_ok "$1 $TITLE: ${GOT[kr]}"
    fi
    cat "$RESULTS/$1.evidence"
}

line() { printf '%-3s %-57s %-8s %-8s %-8s %s\n' "$@"; }

table_row() {
    line "${1%%-*}" "$TITLE" "${GOT[none]}" "${GOT[line]}" "${GOT[dual]}" "${GOT[kr]}"
    control_held && row_held && return
    BAD=$((BAD + 1))
    cat "$RESULTS/$1.evidence"
}

over() {
    local status=$?
    trap - EXIT
    ((${#WORKERS[@]} == 0)) || kill "${WORKERS[@]}" 2>/dev/null || true
    wait
    rm -rf "$RESULTS"
    exit "$status"
}

report() {
    local i=0 script name column
    declare -A leaks=([none]=0 [line]=0 [dual]=0 [kr]=0)
    [[ -n $TAP ]] || line row path nothing line nft-dual kumo-redirect
    for script in "${SCRIPTS[@]}"; do
        name=$(basename "$script" .sh)
        result "$name" "${WORKERS[i++ % JOBS]}"
        for column in "${COLUMNS_ALL[@]}"; do
            [[ ${GOT[$column]} != LEAK ]] || leaks[$column]=$((leaks[$column] + 1))
        done
        if [[ -n $TAP ]]; then tap_row "$name"; else table_row "$name"; fi
    done
    [[ -n $TAP ]] || line '' "rows that leak, of ${#SCRIPTS[@]}" "${leaks[none]}" "${leaks[line]}" \
        "${leaks[dual]}" "${leaks[kr]}"
}

shopt -s nullglob
SCRIPTS=("$TESTS"/net/attacks/*"$PATTERN"*.sh)
((${#SCRIPTS[@]})) || die "no row is called *$PATTERN*"
JOBS=${JOBS:-$(nproc)}
WORKERS=()
BAD=0
RESULTS=$(mktemp -d /tmp/kr-matrix.XXXXXX)
trap over EXIT
trap 'exit 130' INT TERM HUP
for ((w = 0; w < JOBS; w++)); do
    worker "$w" >"$RESULTS/worker$w" 2>&1 &
    WORKERS+=("$!")
done
report
if [[ -n $TAP ]]; then tap_done; else ((BAD == 0)); fi
