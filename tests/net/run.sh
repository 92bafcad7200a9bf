#!/usr/bin/env bash
# All network tests, one TAP stream each, joined into one.
set -uo pipefail
cd "$(dirname "$0")" || exit 99
n=0 bad=0
for suite in ./up.sh "./matrix.sh --tap" ./[a-z]*-*.sh ./failsafe.sh ./cut.sh ./probe.sh ./postfix.sh; do
    # shellcheck disable=SC2086
    set -- $suite
    [[ -x $1 ]] || continue
    echo "# $suite"
    ended=
    while IFS= read -r line; do
        case $line in
        "ok "*) n=$((n + 1)); echo "ok $n ${line#ok * }" ;;
        "not ok "*) n=$((n + 1)); bad=$((bad + 1)); echo "not ok $n ${line#not ok * }" ;;
        1..*) ended=1 ;;
        *) echo "$line" ;;
        esac
    done < <("$@" </dev/null)
    if [[ -z $ended ]]; then
        n=$((n + 1)) bad=$((bad + 1))
        echo "not ok $n - $suite ended early"
    fi
done
echo "1..$n"
exit $((bad > 0))
