#!/bin/bash
# Runs the suites and adds up what they say in TAP. A suite is an executable: each unit test program,
# each fuzzer's corpus, and each tests/*/*.sh that is executable (see not_a_suite). One that crashes, ends early, prints no
# plan or prints nothing has failed, whatever its exit status.
# usage: tests/run.sh [SUITE...]    unit, smtp, net/cut, unit/base/test_addr: a name or a beginning
#        tests/run.sh --root        only says whether this user may run all of them
#        tests/run.sh --list        the suites
# WRAP='valgrind ...' stands before each program. SUITE_TIMEOUT=900 seconds are a suite's limit. As many
# run side by side as there are processors, and one more since most wait a lot, at most 4 (JOBS), and one
# more of those that do little else; not every one beside every other (see beside).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
# shellcheck source=tests/path.sh
. tests/path.sh
export BUILD=${BUILD:-$PWD/build} CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C
LOGS=$BUILD/test-logs
LIMIT=${SUITE_TIMEOUT:-900}
WRAP=${WRAP:-}
CPUS=$(nproc)
JOBS=${JOBS:-$((CPUS >= 4 ? 4 : CPUS + 1))}

# Executables in the folders of tests that are something else than a suite.
not_a_suite() {
    case $1 in
    tests/lint/* | tests/bench/* | tests/fuzz/* | tests/tools/* | tests/*/lib*.sh) ;;
    tests/net/run.sh | tests/net/matrix.sh | tests/net/demo.sh) ;;
    *) return 1 ;;
    esac
}

# NAME<tab>PROGRAM [ARGUMENT]; tests/smtp/run.sh is just "smtp".
list_suites() {
    local f name
    for f in tests/unit/*/test_*.c; do
        [[ -e $f ]] || continue
        name=${f#tests/} name=${name%.c}
        printf '%s\t%s\n' "$name" "$BUILD/tests/$name"
    done
    for f in tests/fuzz/fuzz_*.c; do
        name=${f##*/fuzz_} name=${name%.c}
        printf 'fuzz/%s\t%s\ttests/fuzz/corpus/%s\n' "$name" "$BUILD/tests/fuzz/replay_$name" "$name"
    done
    for f in tests/smtp/*.sh tests/*/*.sh; do
        [[ $f != tests/net/matrix.sh ]] || printf 'net/matrix\t%s\t--tap\n' "$f"
        [[ -x $f ]] || continue
        not_a_suite "$f" && continue
        name=${f#tests/} name=${name%.sh}
        printf '%s\t%s\n' "${name%/run}" "$f"
    done | awk -F'\t' '!seen[$1]++'
}

# Those that make and remove namespaces without a pause: meanwhile a down beside them can't tell whose
# mail servers lead where, and counts theirs, and theirs does so with the mail servers of others.
makes_namespaces() { [[ $1 == net/persist || $1 == net/persist-kill ]]; }
# Those that load programs on the machine's cgroups, which each verify and watch beside them reports.
loads_programs() { [[ $1 == net/checks-bpf ]] || stands_alone "$1"; }
# They do so too, and use every processor or take times.
stands_alone() { [[ $1 == net/matrix || $1 == net/watch || $1 == net/watch-times ]]; }
is_loud() { makes_namespaces "$1" || loads_programs "$1"; }
# Those that look at nothing of the machine: none of them says up, down, verify, watch or run.
looks_around() {
    case $1 in
    gen/guard | dns/sink) ;;
    unit/* | fuzz/* | smtp | smtp/* | gen | gen/* | dns/*) return 1 ;;
    esac
}
has_mail_servers() {
    case $1 in
    smtp/mta | smtp/others | gen/mta | dns/mta-*) ;;
    *) return 1 ;;
    esac
}

# Those that wait most of their time, for what does not answer and for mail servers' own pauses.
waits_mostly() {
    case $1 in
    dns/world | dns/sink | dns/liar | dns/worker | dns/fetch | dns/mta-kumo | smtp/others) ;;
    *) return 1 ;;
    esac
}

# beside A B: may they run at the same time?
beside() {
    ! is_loud "$2" || set -- "$2" "$1"
    ! is_loud "$1" && return
    ! stands_alone "$1" && ! is_loud "$2" && ! looks_around "$2" && { loads_programs "$1" || ! has_mail_servers "$2"; }
}

# Those that stand alone, one behind the other, then the other loud ones, since others wait for their end;
# then the long ones. The short ones fill the gaps.
in_order() {
    local name rest rank
    while IFS=$'\t' read -r name rest; do
        case $name in
        net/mutate | net/gate | net/gate-refuse | net/gate-exim | dns/mta-* | smtp | smtp/mta) rank=2 ;;
        unit/* | fuzz/*) rank=4 ;;
        *) rank=3 ;;
        esac
        ! waits_mostly "$name" || rank=2
        ! is_loud "$name" || rank=1
        ! stands_alone "$name" || rank=0
        printf '%d\t%s\t%s\n' "$rank" "$name" "$rest"
    done | sort -s -n -k1,1 | cut -f2-
}

chosen() {
    local name=$1 want
    shift
    (($# == 0)) && return
    for want; do
        [[ $name == "$want" || $name == "$want"/* ]] && return
    done
    return 1
}

need_root() {
    ((EUID == 0)) && return
    echo "The tests make network namespaces, and need root for that: sudo make check" >&2
    echo "Without root there is: make unit" >&2
    exit 3
}

# The one-line account of a suite's output: PASSED FAILED SKIPPED. Fills FAILURES and SKIPS.
read -r -d '' TALLY <<'AWK' || true
function last(s) { return length(s) > 6000 ? "...\n" substr(s, length(s) - 6000) : s }
function close_block() { if (bad) print block > failures; block = ""; bad = 0 }
/^(not )?ok([ \t]|$)/ {
    seen++
    skip = match($0, /# *[Ss][Kk][Ii][Pp]/)
    if (skip) { skipped++; print suite ": " $0 >> skips }
    else if ($1 == "not") failed++
    else passed++
    if (!skip && $1 == "not") { close_block(); bad = 1; block = before $0; before = ""; next }
    close_block(); before = ""
    next
}
/^1\.\.[0-9]+/ {
    plans++; split($1, p, /\.\./); planned += p[2]
    if (p[2] == 0 && match($0, /# *[Ss][Kk][Ii][Pp]/)) { skipped++; print suite ": " $0 >> skips }
    next
}
/^Bail out!/ { bailed = 1 }
{ if (bad) block = block "\n" $0; else before = last(before $0 "\n") }
END {
    close_block()
    why = ""
    if (!NR) why = "it printed nothing"
    else if (bailed) why = "it bailed out"
    else if (status == 124 || status == 137) why = "it was stopped after " limit " s"
    else if (status > 128 && status < 193) why = "it was ended by signal " status - 128
    else if (!plans) why = "it printed no plan"
    else if (planned != seen) why = "it planned " planned " tests and gave " seen + 0 " results"
    else if (status && !failed) why = "it ended with status " status
    if (why) { failed++; print "not ok - " suite ": " why "\n" before > failures }
    print passed + 0, failed + 0, skipped + 0
}
AWK

# run_suite NAME PROGRAM [ARGUMENT...]: leaves "PASSED FAILED SKIPPED" in a file beside its log. A
# subshell of its own.
run_suite() (
    local name=$1 status=0 start=$EPOCHREALTIME log ms p f k
    shift
    log=$LOGS/${name//\//-}
    rm -f "$log".*
    if [[ -x $1 ]]; then
        trap '[[ -z ${RUNNING:-} ]] || kill -TERM "$RUNNING" 2>/dev/null; exit 130' TERM
        # shellcheck disable=SC2086
        timeout -k 10 "$LIMIT" $WRAP "$@" >"$log.log" 2>&1 </dev/null &
        RUNNING=$!
        wait "$RUNNING" 2>/dev/null || status=$?
        RUNNING=
    else
        echo "$1 was not built" >"$log.log"
    fi
    ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    read -r p f k < <(awk -v suite="$name" -v status="$status" -v limit="$LIMIT" -v failures="$log.failures" \
        -v skips="$log.skips" "$TALLY" "$log.log")
    {
        printf '%-6s %-34s %5d passed %3d failed %3d skipped %5d.%03d s\n' \
            "$( ((f)) && echo FAILED || echo ok)" "$name" "$p" "$f" "$k" $((ms / 1000)) $((ms % 1000))
        ((f == 0)) || head -n "${FAILURE_LINES:-200}" "$log.failures" | sed 's/^/    | /'
    } >"$log.said"
    flock "$LOGS" cat "$log.said" # what one suite says stays together
    echo "$p $f $k" >"$log.result"
)

# may_start NAME: goes it with all that run? One that waits may be one more than JOBS.
may_start() {
    local pid busy=0
    waits_mostly "$1" || busy=1
    for pid in "${!LANES[@]}"; do
        beside "${LANES[$pid]}" "$1" || return 1
        waits_mostly "${LANES[$pid]}" || busy=$((busy + 1))
    done
    ((busy <= JOBS))
}

# start NAME PROGRAM [ARGUMENT...]
start() {
    NAMES+=("$1")
    run_suite "$@" &
    LANES[$!]=$1
}

# start_one: the first of those in QUEUE that may.
start_one() {
    local i name program argument
    for i in "${!QUEUE[@]}"; do
        IFS=$'\t' read -r name program argument <<<"${QUEUE[i]}"
        may_start "$name" || continue
        unset 'QUEUE[i]'
        start "$name" "$program" ${argument:+"$argument"}
        return
    done
    return 1
}

# Waits until one has ended.
await_one() {
    local pid
    wait -n "${!LANES[@]}" 2>/dev/null || true
    for pid in "${!LANES[@]}"; do
        kill -0 "$pid" 2>/dev/null || unset "LANES[$pid]"
    done
}

# A suite that left no result (it was killed with its subshell) has failed.
add_up() {
    local name log p f k
    for name in "${NAMES[@]}"; do
        log=$LOGS/${name//\//-}
        read -r p f k 2>/dev/null <"$log.result" || p=0 f=1 k=0
        PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + k))
        [[ ! -s $log.skips ]] || cat "$log.skips" >>"$LOGS/skips"
    done
}

# What a test must not leave in the namespace it was started from.
host_state() {
    ip rule 2>/dev/null
    ip -6 rule 2>/dev/null
    nft list tables 2>/dev/null
}

# check_host FILE: is it still as FILE says? A suite like the others.
check_host() {
    if host_state | diff "$1" -; then
        echo "ok 1 - the tests left this host's rules as they were"
    else
        echo "not ok 1 - the tests left this host's rules as they were"
    fi
    echo "1..1"
}

interrupted() {
    ((${#LANES[@]} == 0)) || kill -TERM "${!LANES[@]}" 2>/dev/null
    echo "interrupted" >&2
    exit 130
}

case ${1:-} in
--root) need_root && exit ;;
--list) list_suites | cut -f1 && exit ;;
--host) check_host "$2" && exit ;;
esac

declare -A LANES=() # the suites that run, by their process
NAMES=() QUEUE=() PASSED=0 FAILED=0 SKIPPED=0
trap interrupted INT TERM HUP
mkdir -p "$LOGS" || exit 70
: >"$LOGS/skips"
host_state >"$LOGS/before.txt"
BEGAN=$EPOCHSECONDS
while read -r suite; do
    chosen "${suite%%$'\t'*}" "$@" || continue
    [[ $suite == unit/* || $suite == fuzz/* ]] || need_root
    QUEUE+=("$suite")
done < <(list_suites | in_order)
while ((${#QUEUE[@]} || ${#LANES[@]})); do
    if ((${#LANES[@]} == JOBS + (JOBS > 1))) || ! start_one; then await_one; fi
done
if ((${#NAMES[@]} == 0)); then
    echo "No suite of the name: $*. There are: $(list_suites | cut -f1 | tr '\n' ' ')" >&2
    exit 2
fi
if ((EUID == 0)); then
    WRAP='' start host tests/run.sh --host "$LOGS/before.txt"
    await_one
fi
add_up
echo "${#NAMES[@]} suites in $((EPOCHSECONDS - BEGAN)) s; logs in ${LOGS#"$PWD"/}"
[[ ! -s $LOGS/skips ]] || { echo "skipped:" && sed 's/^/    /' "$LOGS/skips"; }
echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
((FAILED == 0))
