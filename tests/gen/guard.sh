#!/bin/bash
# kumo-gen is safe by itself: in the lab, as nobody, it sends real names and mail to strangers only
# while the redirect stands, whatever was left behind of one that does not.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/columns.sh
. "$TESTS/net/columns.sh"
GEN=${KR_GEN:-$BUILD/kumo-gen}

if ((EUID != 0)); then
    echo "1..0 # SKIP network namespaces need root"
    exit 0
fi
lab_init g
trap 'set +e; forget_state; lab_cleanup' EXIT
lab_world
lab_host
witness_start
ERR=$LAB_DIR/err OUT=$LAB_DIR/out
# nobody must be able to run it, wherever the build folder is.
install -m 755 "$GEN" "$LAB_DIR/kumo-gen"
chmod 755 "$LAB_DIR"

# The mail server of this host, as far as it matters: another sink.
spawn mta "$H" "$KR_SINK" -q -w 1 -l 127.0.0.1:2525 -c "$LAB_DIR/mta.sock"
wait_for 5 test -S "$LAB_DIR/mta.sock" || die "no sink"

as_nobody() {
    in_ns "$H" setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$LAB_DIR/kumo-gen" \
        --message-count 20 --concurrency 2 --format json "$@" >"$OUT" 2>"$ERR"
}
as_root() { in_ns "$H" "$LAB_DIR/kumo-gen" --message-count 20 --concurrency 2 --format json "$@" >"$OUT" 2>"$ERR"; }
# refuses WHO SAID ARGS...: nothing is sent, and the reason is this.
refuses() {
    local who=$1 said=$2 got=0
    shift 2
    "$who" "$@" || got=$?
    if [[ $got != 1 || -s $OUT ]] || ! grep -qF -- "$said" "$ERR" || ! grep -qF -- '--i-know' "$ERR"; then
        tap_note "status $got: $(cat "$ERR" "$OUT")"
        return 1
    fi
}
sends() { # WHO ARGS...
    local got=0
    "$@" || got=$?
    [[ $got == 0 && $(jq .messages.accepted "$OUT") == 20 ]] || { tap_note "status $got: $(cat "$ERR" "$OUT")"; return 1; }
}
REAL=(--domain-suffix '' --target 127.0.0.1:2525)
MX=(--target "$MX4:25")
MX_6=(--target "[$MX6]:25")
# both SAID: real names and strangers are refused for this reason.
both() {
    refuses as_nobody "$1" "${REAL[@]}" && refuses as_nobody "$1" "${MX[@]}" && refuses as_nobody "$1" "${MX_6[@]}"
}
ALLOW=(--allow exempt-relay="the lab's own")
# With a sanitizer the sink sets no filter, which is what verify tells of it.
! grep -q __asan_init "$KR_SINK" || ALLOW+=(--allow sink-relay="built with a sanitizer")
verify() { in_ns "$H" "$KR" verify "${ALLOW[@]}" >"$LAB_DIR/verify" 2>&1; }
up() { in_ns "$H" "$KR" -q up >"$LAB_DIR/up" 2>&1; }
block() { in_ns "$H" "$KR" -q up --block >"$LAB_DIR/up" 2>&1; }
up_and_verified() {
    up || die "up: $(cat "$LAB_DIR/up")"
    verify || die "verify: $(cat "$LAB_DIR/verify")"
}
down() { in_ns "$H" "$KR" -q down >"$LAB_DIR/down" 2>&1; }

STATE=$(kr_state)
forget_state
witness_mark
FROM=$MARKS
tap_check "nothing stands: refused" both "$STATE.evidence.json: No such file"
tap_check "nothing stands: another host of the LAN, real names" \
    refuses as_nobody "does not stop a mail server on another" --domain-suffix '' --target "$LAN4:2525"
tap_check "nothing stands: a stranger by a name of many ports" \
    refuses as_nobody "addressed to real people" --domain-suffix '' --target "$MX4:2525"
tap_check "with a suffix this host needs nothing" sends as_nobody --target 127.0.0.1:2525
# The LAN's host says its greeting and 250 to all, which is enough of a mail server.
tap_check "with a suffix the LAN needs nothing, on port 25 either" sends as_nobody --target "$LAN4:25"
witness_mark
tap_check "nothing stands: nothing went to a stranger" test -z "$(witness_said "$FROM" "$MARKS")"

up
tap_check "not verified: refused" both "$STATE.evidence.json: No such file"
verify || die "verify: $(cat "$LAB_DIR/verify")"
FROM=$MARKS
tap_check "verified: real names" sends as_nobody "${REAL[@]}"
tap_check "verified: it says so" grep -q 'the redirect stands: evidence of .*, and the sink answers' "$ERR"
tap_check "verified: strangers are sent to, IPv4" sends as_nobody "${MX[@]}"
tap_check "verified: strangers are sent to, IPv6" sends as_nobody "${MX_6[@]}" --domain-suffix ''
tap_check "verified: they met the sink" test "$(kr_sink_stats | jq '"\(.messages) \(.redirected_v4 > 1) \(.redirected_v6 > 1)"' -r)" == "40 true true"
tap_check "verified: root, by the generation" sends as_root "${REAL[@]}"
tap_check "verified: a port that is not redirected" refuses as_nobody "not redirected" --domain-suffix '' --target "$MX4:587"
tap_check "verified: the LAN" refuses as_nobody "does not stop" --domain-suffix '' --target "$LAN4:25"
witness_mark
tap_check "verified: nothing left" test -z "$(witness_said "$FROM" "$MARKS")"

# What a record can't say is asked of the kernel and of the sink.
cp "$STATE.evidence.json" "$LAB_DIR/evidence" && cp "$STATE.json" "$LAB_DIR/state"
changed() { # KEY VALUE SAID: the record says something else.
    jq -c ".$1 = $2" "$LAB_DIR/evidence" >"$LAB_DIR/changed"
    install -m 644 "$LAB_DIR/changed" "$STATE.evidence.json"
    both "$3"
}
tap_check "evidence of another verdict" changed verdict '"broken"' "says verdict 'broken'"
tap_check "evidence that is not known" changed verdict '"unknown"' "says verdict 'unknown'"
tap_check "evidence of the blocked state" changed mode '"blocked"' "says mode 'blocked'"
tap_check "evidence of another schema" changed schema '"kumo-redirect/evidence/2"' "says schema"
tap_check "evidence of another kernel" changed kernel '"0.0"' "says kernel '0.0'"
tap_check "evidence of another namespace" changed netns 1 "another network namespace"
tap_check "evidence of another state" changed since '"2001-01-01T00:00:00Z"' "the state says since"
tap_check "evidence of before this boot" changed when '"2001-01-01T00:00:00Z"' "older than this boot"
tap_check "evidence of the future" changed when '"2100-01-01T00:00:00Z"' "of the future"
tap_check "evidence without a sink" changed plan '{"ports": [25], "sink4": null, "sink6": null}' "nothing that is redirected"
echo '{' >"$STATE.evidence.json"
tap_check "evidence that is no JSON" both "$STATE.evidence.json"
install -m 666 "$LAB_DIR/evidence" "$STATE.evidence.json"
tap_check "evidence that others may write" both "may have been written by others"
install -m 644 -o 65534 "$LAB_DIR/evidence" "$STATE.evidence.json"
tap_check "evidence that another wrote" both "may have been written by others"
rm "$STATE.evidence.json"
ln -s "$LAB_DIR/evidence" "$STATE.evidence.json"
tap_check "evidence that is a link" both "$STATE.evidence.json"
rm "$STATE.evidence.json"
install -m 644 "$LAB_DIR/evidence" "$STATE.evidence.json"
tap_check "the record as it was" sends as_nobody "${REAL[@]}"

in_ns "$H" nft add table inet other
tap_check "a ruleset that changed: who may ask for its generation refuses" \
    refuses as_root "the ruleset has changed since" "${REAL[@]}"
in_ns "$H" nft delete table inet other
verify || die "verify: $(cat "$LAB_DIR/verify")"
ip -n "$H" rule del pref 25
tap_check "the routing rule is gone" both "the routing rule of the redirect is gone"
up_and_verified
tap_check "mended and verified" sends as_nobody "${REAL[@]}"
in_ns "$H" nft flush ruleset
witness_mark
FROM=$MARKS
tap_check "the rules are flushed: the sink does not answer" both "does not meet the sink"
witness_mark
tap_check "the rules are flushed: the question went nowhere" test -z "$(witness_said "$FROM" "$MARKS")"

# A run that began while it stood ends when it stands no more.
up_and_verified
ends_with() { # COMMAND...: done while it sends; it stops, and says why.
    local got=0
    rm -f "$OUT" "$ERR"
    in_ns "$H" "$LAB_DIR/kumo-gen" --duration 60 --throttle 100/s --concurrency 2 --format json "${REAL[@]}" \
        >"$OUT" 2>"$ERR" &
    local pid=$!
    await_line "$ERR" 'the redirect stands' || tap_note "$(cat "$ERR")"
    "$@"
    wait "$pid" || got=$?
    if [[ $got != 5 || $(jq '.messages.accepted < 5900' "$OUT") != true ]] || ! grep -q 'stopped: ' "$ERR"; then
        tap_note "status $got: $(cat "$ERR" "$OUT")"
        return 1
    fi
}
tap_check "while it sends: up --block" ends_with block
tap_check "blocked: refused" both "$STATE.evidence.json"
up_and_verified
tap_check "while it sends: down" ends_with down
tap_check "off: refused" both "$STATE.evidence.json"
install -m 644 "$LAB_DIR/evidence" "$STATE.evidence.json"
install -m 644 "$LAB_DIR/state" "$STATE.json"
witness_mark
FROM=$MARKS
tap_check "off, and the files of before lie there again: refused" both "the routing rule of the redirect is gone"
witness_mark
tap_check "off: nothing was asked of a stranger" test -z "$(witness_said "$FROM" "$MARKS")"
tap_check "off: --i-know is believed" sends as_nobody --i-know "${REAL[@]}"
tap_done
