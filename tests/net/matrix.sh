#!/usr/bin/env bash
# Every attack against nothing at all, the documented iptables line, its nft equivalent for both
# families, and kumo-redirect. The witnesses outside are the oracle; an attack they do not see when
# nothing protects proves nothing, and that is an error.
#
#   matrix.sh [--tap] [ROW-PATTERN]     --tap: a suite, so the rivals' two columns are left out
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
# shellcheck source=tests/net/attack.sh
. "$TESTS/net/attack.sh"

TAP=
COLUMNS_ALL=(none line dual kr)
[[ ${1:-} == --tap ]] && { TAP=1 COLUMNS_ALL=(none kr); shift; }
PATTERN=${1:-}
UNSHOWN=$TESTS/net/unshown.txt

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
    [[ $COLUMN != kr ]] || look
    attack || CELL="not attacked"
    witness_mark || die "a witness is dead: see the marks in its log"
    witness_said "$from" "$MARKS" >"$LAB_DIR/$COLUMN.said"
    [[ -n $CELL ]] || judge "$LAB_DIR/$COLUMN.said"
}

# What verify says of the host as the attacker made it: the ids that are broken or unknown. Programs
# on cgroups are the machine's, so those of a row in a lab beside this one show too.
look() {
    in_ns "$H" timeout 30 "$KR" verify --static --format json >"$LAB_DIR/verify.json" 2>"$LAB_DIR/verify.err" || true
    VERIFIED=$(jq -r '.checks[] | select(.advice or .verdict == "holds" | not) | .id' "$LAB_DIR/verify.json" |
        if [[ $CHECK == *cgroup-bpf* ]]; then cat; else sed '/^cgroup-bpf$/d'; fi | paste -sd' ') || VERIFIED="no answer: $(head -n 1 "$LAB_DIR/verify.err")"
}

# Did each connection bring the greeting of a host whose name matches?
all_heard() {
    local tries
    tries=$(grep -c '^try' "$HEARD" || true)
    ((tries > 0 && tries == $(grep -cE "^recv 220 .*$1" "$HEARD" || true))) && ! grep -q '^broken' "$HEARD"
}

judge() {
    if [[ -n $REACHED ]]; then
        if grep -qE "^recv 220 .*$REACHED" "$HEARD"; then CELL=LEAK; else CELL=ok; fi
    elif [[ $COLUMN == none && -n $SEEN ]]; then
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
#   REACHED  there is no frame to port 25: it leaks when the attacker hears a host of this name
#   CHECK    verify must name this check (one of these) once setup was done; without it, it must hold
#   UNSTOPPABLE  no packet rule can stop it, so verify must refuse
#   possible     fails, and prints why, when this kernel or machine can't show it
run_row() {
    local column
    declare -gA GOT=()
    # shellcheck disable=SC2034 # KR_ARGS is for protect_kr
    TITLE='' WANT='' SERVED='' SEEN='' REFUSAL='' KR_ARGS='' ONLY='' REACHED='' CHECK='' UNSTOPPABLE=''
    VERIFIED=-
    possible() { :; }
    before() { :; }
    setup() { :; }
    after() { :; }
    # shellcheck source=/dev/null
    . "$1"
    if ! IMPOSSIBLE=$(possible 2>&1); then
        IMPOSSIBLE=${IMPOSSIBLE:-not possible here}
        return 0
    fi
    IMPOSSIBLE=''
    for column in "${COLUMNS_ALL[@]}"; do
        CELL=-
        [[ -n $ONLY && $ONLY != "$column" ]] || cell "$column"
        GOT[$column]=$CELL
    done
    GOT[verify]=$(verify_cell)
}

# "refuses" by the check that is meant; "holds"; what was said instead.
verify_cell() {
    local id
    if [[ $VERIFIED == - ]]; then
        echo -
        return
    fi
    for id in $CHECK; do
        [[ " $VERIFIED " != *" $id "* ]] || { echo refuses; return; }
    done
    if [[ -n $CHECK ]]; then echo "not by $CHECK: ${VERIFIED:-holds}"; else echo "${VERIFIED:-holds}"; fi
}

control_held() {
    case ${GOT[none]} in
    LEAK) [[ -z $WANT ]] ;;
    works) [[ -n $WANT ]] ;;
    -) [[ -n $ONLY ]] ;;
    *) false ;;
    esac
}

verify_held() {
    case ${GOT[verify]} in
    refuses | holds | -) true ;;
    *) false ;;
    esac
}

row_held() {
    verify_held || return 1
    [[ -z $UNSTOPPABLE ]] || { [[ ${GOT[verify]} == refuses ]]; return; }
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

# mine NAME: no other worker has this row.
mine() {
    local got=1
    [[ ! -e $RESULTS/$1.worker ]] || return 1
    set -o noclobber
    { echo "$BASHPID" >"$RESULTS/$1.worker"; } 2>/dev/null || got=
    set +o noclobber
    [[ -n $got ]]
}

# The rows that nobody has yet, in a lab of its own; each result is a file that appears complete.
worker() {
    local script name
    lab_init "m$1"
    lab_world
    witness_start
    for script in "${SCRIPTS[@]}"; do
        name=$(basename "$script" .sh)
        mine "$name" || continue
        run_row "$script"
        evidence >"$RESULTS/$name.evidence"
        declare -p TITLE WANT ONLY REFUSAL UNSTOPPABLE IMPOSSIBLE CHECK GOT >"$RESULTS/$name.new"
        mv "$RESULTS/$name.new" "$RESULTS/$name"
    done
}

# The result is there, or whoever has the row has ended, or all have.
there_or_over() {
    local pids=("${WORKERS[@]}") pid
    [[ ! -e $RESULTS/$1 ]] || return 0
    [[ ! -s $RESULTS/$1.worker ]] || pids=("$(<"$RESULTS/$1.worker")")
    for pid in "${pids[@]}"; do
        ! kill -0 "$pid" 2>/dev/null || return 1
    done
}

# Puts the row's variables where run_row of its worker had them.
result() {
    local name=$1
    wait_for 120 there_or_over "$name" || die "no result of $name in 120 s"
    [[ -e $RESULTS/$name ]] || die "the worker of $name ended: $(cat "$RESULTS"/worker*)"
    # shellcheck source=/dev/null
    . <(sed 's/^declare -A/declare -gA/; s/^declare --/declare -g/' "$RESULTS/$name")
}

tap_row() {
    if [[ -n $IMPOSSIBLE ]]; then
        echo "# $1 $TITLE: not shown: $IMPOSSIBLE"
        return
    elif ! control_held; then
        tap_not_ok "$1 $TITLE: worthless, without any protection it is \"${GOT[none]}\""
    elif row_held; then
        tap_ok "$1 $TITLE: ${GOT[kr]}, verify ${GOT[verify]}${CHECK:+ by $CHECK}"
        return
    else
        tap_not_ok "$1 $TITLE: ${GOT[kr]}, verify ${GOT[verify]}"
    fi
    cat "$RESULTS/$1.evidence"
}

line() { printf '%-3s %-53s %-8s %-8s %-8s %-8s %s\n' "$@"; }

table_row() {
    if [[ -n $IMPOSSIBLE ]]; then
        line "${1%%-*}" "$TITLE" - - - - "not shown: $IMPOSSIBLE"
        return
    fi
    line "${1%%-*}" "$TITLE" "${GOT[none]}" "${GOT[line]}" "${GOT[dual]}" "${GOT[kr]}" "${GOT[verify]}"
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

# Adds one row to the sums.
sum() {
    local column
    if [[ -n $IMPOSSIBLE ]]; then return; fi
    SHOWN=$((SHOWN + 1))
    for column in "${COLUMNS_ALL[@]}"; do
        [[ ${GOT[$column]} != LEAK ]] || LEAKS[$column]=$((LEAKS[$column] + 1))
    done
    [[ ${GOT[verify]} != refuses ]] || REFUSES=$((REFUSES + 1))
    [[ -n $UNSTOPPABLE ]] || return 0
    STOPLESS=$((STOPLESS + 1))
    [[ ${GOT[kr]} != LEAK ]] || LEAKS[kr]=$((LEAKS[kr] - 1))
}

report() {
    local script name
    declare -gA LEAKS=([none]=0 [line]=0 [dual]=0 [kr]=0)
    SHOWN=0 REFUSES=0 STOPLESS=0
    [[ -n $TAP ]] || line row path nothing line nft-dual guards verify
    for script in "${SCRIPTS[@]}"; do
        name=$(basename "$script" .sh)
        result "$name"
        sum
        if [[ -n $TAP ]]; then tap_row "$name"; else table_row "$name"; fi
    done
    [[ -z $TAP ]] || return 0
    line '' "rows that leak, of $SHOWN shown" "${LEAKS[none]}" "${LEAKS[line]}" "${LEAKS[dual]}" \
        "${LEAKS[kr]}" "refuses $REFUSES"
    echo "    $STOPLESS of them no packet rule can stop: verify's to refuse, not counted as the guards'"
    [[ -n $PATTERN ]] || sed 's/^/    not shown: /' "$UNSHOWN"
}

shopt -s nullglob
SCRIPTS=("$TESTS"/net/attacks/*"$PATTERN"*.sh)
((${#SCRIPTS[@]})) || die "no row is called *$PATTERN*"
JOBS=${JOBS:-$((2 * $(nproc)))} # most of a row is waiting
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
