#!/bin/bash
# The tests of kumo-gen, in a network namespace of their own when root, else on loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export BUILD=${BUILD:-$PWD/../../build} PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD/../smtp
if ((EUID == 0)) && [[ -z ${KR_GEN_INSIDE:-} ]]; then
    KR_GEN_INSIDE=1 exec unshare -n "$PWD/run.sh" "$@"
fi
[[ -z ${KR_GEN_INSIDE:-} ]] || ip link set lo up
exec python3 runner.py "$@" # names of modules
