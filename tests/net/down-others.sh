#!/usr/bin/env bash
# Letting go of a real Exim with mail that the sink deferred, and of a made-up KumoMTA with good
# answers and bad ones.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-down.sh
. "$(dirname "$0")/lib-down.sh"
# shellcheck source=tests/net/lib-exim.sh
. "$(dirname "$0")/lib-exim.sh"

# ---- Exim ----------------------------------------------------------------------------------------

# From where its files are another's.
exim_files() {
    local got=0
    cp "$LAB_DIR/down" "$LAB_DIR/down.kept"
    in_ns "$H" "$KR" down --format json >"$LAB_DIR/down" 2>&1 || got=$?
    [[ $got == 1 ]] && answered ".queues[0].messages == $1 and .queues[0].asked == \"spool files\"" || return 1
    mv "$LAB_DIR/down.kept" "$LAB_DIR/down"
}

test_exim() {
    local from n=100
    exim_etc
    exim_start
    in_ns "$H" "$KR" -q up
    sink_defers
    witness_mark
    from=$MARKS
    in_ns "$H" "${PKG_RUN[@]}" /usr/sbin/smtp-source -s 4 -m $n -f load@load.example -t user@gmail.com 127.0.0.1:2500
    wait_for 60 exim_deferred $n || die "Exim: $(exim_heads) queued, $(tail -n 3 "$EXIM_SPOOL/mainlog")"
    tap_check "Exim, $n deferred: down is refused" down_is 1 "$EXIM"
    tap_check "it counts them" answered ".queues[0].messages == $n and .queues[0].asked == \"exim -bpc\""
    tap_check "by its schema" fits_schema
    tap_check "without its program, the spool that its configuration names is counted" exim_files $n
    tap_check "and names what Exim keeps in mind" survives exim "retry hints"
    tap_check "--purge --yes" down_is 0 "$EXIM" --purge --yes
    tap_check "by its schema" fits_schema
    tap_check "it says that it purged" answered '.mode == "off" and .purged and (.forced or .refused | not)'
    tap_check "Exim has nothing any more" equal "$(exim_heads)" 0
    tap_check "nothing got out" silent "$from"
    ns_pid_gone "$EXIM"
}
# ---- KumoMTA -------------------------------------------------------------------------------------

# refuses NAME JSON FILTER: so it is refused, and that is why.
refuses() {
    kumod_says "$2"
    in_ns "$H" "$KR" -q up --block
    tap_check "KumoMTA, $1: refused" down_is 1 $$
    tap_check "KumoMTA, $1: and says why" answered "$3"
}
why_is() { echo ".queues[0].state == \"unknown\" and (.queues[0].why | test(\"$1\"))"; }

# What KumoMTA keeps in mind of a test, for programs and for people.
kumomta_survives() {
    local what
    in_ns "$H" "$KR" down >"$LAB_DIR/out" 2>&1 || true
    for what in remember_broken_tls "MTA-STS policies" "suspensions and slower shaping" "throttles counted in redis"; do
        tap_check "it tells of $what" survives kumomta "$what"
        tap_check "$what, as text" grep -q "^  survives  .*$what" "$LAB_DIR/out"
    done
    tap_check "and how to be rid of it" grep -q '^            systemctl restart kumomta' "$LAB_DIR/out"
}

bad_answers() {
    cat <<'END'
its spool not counted yet|{"how":"good","liveness":503}|waiting for spool
the text format|{"how":"text"}|no JSON
cut short|{"how":"cut"}|cut short
in pieces|{"how":"pieces"}|in pieces
closed|{"how":"closed"}|without an answer
no trusted address|{"how":"403"}|answers 403
no number|{"how":"wrong"}|no count
ready ones not by service|{"how":"flat"}|not by service
a negative number|{"how":"negative"}|no count
somebody else|{"how":"other"}|not KumoMTA
silent|{"how":"hang"}|timed out
a drop at a time|{"how":"drip"}|timed out
an old release without a message|{"how":"none","liveness":404}|names no count
END
}

test_kumomta() {
    local name json why
    kumod_says '{"how":"good","scheduled":3000}'
    kumod_start kumod "$H" 8000
    in_ns "$H" "$KR" -q up
    tap_check "KumoMTA, 3,000 scheduled: refused" down_is 1 $$
    tap_check "by its schema" fits_schema
    tap_check "it counts them" answered '.queues[0] | .messages == 3000 and .asked == "metrics.json" and .where == "http://127.0.0.1:8000"'
    kumomta_survives
    refuses "ready ones only" '{"how":"good","ready":2}' '.queues[0].messages == 2'
    refuses "one that is being delivered" '{"how":"good","messages":1}' '.queues[0].messages == 1'
    while IFS='|' read -r name json why; do
        refuses "$name" "$json" "$(why_is "$why")"
    done < <(bad_answers)
    kumod_says '{"how":"none"}'
    tap_check "KumoMTA that has had no message yet is empty" down_is 0 $$
    in_ns "$H" "$KR" -q up --block
    kumod_says '{"how":"good","scheduled":10}'
    tap_check "KumoMTA: --purge --yes" down_is 0 $$ --purge --yes
    tap_check "its order to bounce was taken back" equal "$(jq -c .orders "$LAB_DIR/kumod.json")" '[]'
    kumod_elsewhere
    ns_pid_gone "$KUMOD"
}

# A second one, and one in a container, count as well; one that nothing leads from does not.
kumod_elsewhere() {
    local first=$KUMOD
    kumod_says '{"how":"good","scheduled":0}'
    cp "$LAB_DIR/kumod.json" "$LAB_DIR/empty.json"
    kumod_start kumod6 "$H" 8001 ::1
    in_ns "$H" "$KR" -q up --block
    tap_check "two processes: both are asked" down_is 0 $$
    tap_check "each at its own listener" answered '[.queues[].where] | sort == ["http://127.0.0.1:8000","http://[::1]:8001"]'
    ns_pid_gone "$KUMOD"
    ns_pid_gone "$first"
    kumod_says '{"how":"good","scheduled":7}'
    kumod_start kumod-c "$C" 8000
    in_ns "$H" "$KR" -q up --block
    tap_check "in a container behind this host: refused" down_is 1 $$
    tap_check "it is asked there" answered '.queues[0] | .elsewhere and .messages == 7'
    tap_check "and purged there" down_is 0 $$ --purge --yes
    ns_pid_gone "$KUMOD"
    ns_add "$LAB-away"
    kumod_says '{"how":"good","scheduled":7}'
    kumod_start kumod-a "$LAB-away" 8000
    in_ns "$H" "$KR" -q up --block
    tap_check "in a namespace that nothing leads from: none of ours" down_is 0 $$
    tap_check "and it is not in the list" answered '.queues == []'
    tap_check "--kumomta-url that is none" url_is_refused
}
url_is_refused() {
    local got=0
    in_ns "$H" "$KR" down --kumomta-url gopher://x >"$LAB_DIR/out" 2>"$LAB_DIR/down.err" || got=$?
    [[ $got == 2 ]] && grep -q "gopher" "$LAB_DIR/down.err"
}

# ---- SIGKILL -------------------------------------------------------------------------------------

killed_down() { # N ARGS...: down, killed as it makes its Nth such call; false when it got through
    local n=$1 got=0
    shift
    in_ns "$H" strace -qq -o /dev/null -e trace=sendto,sendmsg,rename,unlink,connect \
        -e "inject=sendto,sendmsg,rename,unlink,connect:signal=SIGKILL:when=$n" "$KR" -q down "$@" >/dev/null 2>&1 || got=$?
    ((got == 137))
}
knock() {
    in_ns "$H" "$TOOLS/tcpconn" -w 20 "$MX4" 25 >/dev/null || true
    in_ns "$H" "$TOOLS/tcpconn" -w 20 "$MX6" 25 >/dev/null || true
}

# With mail queued no kill of down opens, from redirect or from blocked; with none, the next one ends it.
test_killed() {
    local n from
    kumod_says '{"how":"good","scheduled":5}'
    kumod_start kumod "$H" 8000
    witness_mark
    from=$MARKS
    for ((n = 1; n < 400; n += 2 + n / 3)); do
        in_ns "$H" "$KR" -q up
        killed_down "$n" || break
        knock
    done
    tap_check "down with mail queued, killed at any of $n calls, never opens" silent "$from"
    tap_check "and ends in blocked" mode_is blocked
    kumod_says '{"how":"good","scheduled":0}'
    for ((n = 1; n < 400; n += 3 + n / 3)); do
        in_ns "$H" "$KR" -q up --block
        killed_down "$n" || break
        in_ns "$H" "$KR" -q down || { tap_not_ok "down after a kill at call $n"; return; }
    done
    tap_check "with none queued the next down ends what was killed ($n calls)" mode_is off
    ns_pid_gone "$KUMOD"
}

down_lab e "letting go of Exim and KumoMTA" postfix exim4-daemon-light
down_parts "${1:-}" exim kumomta killed
