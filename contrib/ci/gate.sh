#!/bin/bash
# What the CI examples run: a generator under the gate, its account where the CI system shows it.
#   KUMO_COMMAND  the generator's command line, as for a shell: traffic-gen --domain gmail.com:67.4
#   KUMO_OPTIONS  options of kumo-redirect run, separated by blanks, quoted as for xargs(1)
#   KUMO_FORM     github (annotations and the job's summary), junit or text
#   KUMO_ACCOUNT  a file for the account; default standard error
# Ends as `kumo-redirect run` does: the generator's status, 121 refused, 122 breach.
set -euo pipefail
: "${KUMO_COMMAND:?is the command line of the generator}"
options=() as_root=()
[[ -z ${KUMO_OPTIONS:-} ]] || mapfile -t options < <(xargs printf '%s\n' <<<"$KUMO_OPTIONS")
[[ -z ${KUMO_ACCOUNT:-} ]] || options+=(--account "$KUMO_ACCOUNT")
((EUID == 0)) || as_root=(sudo --preserve-env=GITHUB_STEP_SUMMARY)
program=$(command -v kumo-redirect)
exec "${as_root[@]}" "$program" run --format "${KUMO_FORM:-text}" "${options[@]}" -- \
    bash -c "$KUMO_COMMAND \"\$@\"" generator
