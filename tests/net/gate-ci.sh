#!/usr/bin/env bash
# The examples for CI systems, run as scripts: what the files in contrib/ci say is what is run.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/net/lib-gate.sh
. "$TESTS/net/lib-gate.sh"

# job FILE COMMAND: its steps as a runner would do them, inside the host; the status in STATUS.
job() {
    STATUS=0
    OUT=$LAB_DIR/out ERR=$LAB_DIR/err
    rm -f "$LAB_DIR"/stub/*
    python3 "$TESTS/net/gate-ci.py" "$REPO/contrib/ci/$1" "$REPO" "$2" "${RUN_OPTIONS[*]@Q}" >"$LAB_DIR/job.sh"
    (cd "$LAB_DIR" && timeout 100 ip netns exec "$H" env PATH="$BUILD:$PATH" GITHUB_STEP_SUMMARY="$LAB_DIR/summary" \
        bash "$LAB_DIR/job.sh" </dev/null >"$OUT" 2>"$ERR") || STATUS=$?
}

test_github() {
    gate_stub
    kr -q up
    job github/action.yml "$STUB --domain d1.example"
    tap_check "GitHub: the job succeeds" is 0
    tap_check "GitHub: the generator ran without a suffix" given "--domain|d1.example|--domain-suffix|"
    tap_check "GitHub: its output is the job's" grep -q '^done' "$OUT"
    tap_check "GitHub: the account is the summary" grep -q '^|' "$LAB_DIR/summary"
    job github/action.yml "$STUB --domain dane.test"
    tap_check "GitHub: a refusal fails the job" is 121
    tap_check "GitHub: as an annotation" grep -q '^::error' "$ERR"
    tap_check "GitHub: nothing was started" not_started
}

test_gitlab() {
    gate_stub
    kr -q up
    job gitlab.yml "$STUB --domain d1.example"
    tap_check "GitLab: the job succeeds" is 0
    tap_check "GitLab: the report is there" python3 "$ANSWERS" junit "$LAB_DIR/kumo-redirect.xml"
    job gitlab.yml "$STUB --domain dane.test"
    tap_check "GitLab: a refusal fails the job" is 121
    tap_check "GitLab: and the report says so" \
        eval 'python3 "$ANSWERS" junit "$LAB_DIR/kumo-redirect.xml" | grep -qv "^0 0"'
}

gate_main "${1:-}" github gitlab
