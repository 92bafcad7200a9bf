#!/bin/bash
# Installs what building, testing and linting need, from Debian's or Ubuntu's own packages: only what
# is missing, never a daemon that listens.
set -euo pipefail

declare -A GROUPS_OF=(
    [build]="gcc make libc6-dev pkg-config libmnl-dev libnftnl-dev libnl-3-dev libnl-route-3-dev
        libnetfilter-conntrack-dev libjansson-dev libcap-dev libseccomp-dev libssl-dev libmd-dev libldns-dev
        libidn2-dev libcurl4-openssl-dev libzstd-dev dns-root-data"
    [test]="libcmocka-dev openssl ca-certificates nftables iptables iproute2 tcpdump conntrack swaks
        libnet-ssleay-perl valgrind python3 python3-jsonschema python3-yaml procps util-linux jq curl strace
        ldnsutils dnsperf lua5.4 chromium-headless-shell fonts-dejavu-core"
    [lint]="git clang clang-format clang-tidy cppcheck libclang-rt-dev universal-ctags shellcheck
        groff-base zsh fish"
)

usage() {
    cat <<END
usage: contrib/deps.sh [--dry-run] [--quiet] build|test|lint|all...

Installs the packages of a group that are missing (apt-get, so Debian or Ubuntu, and root).
  --dry-run   say what would be installed, change nothing
  --quiet     say nothing when nothing is missing
END
    local g
    for g in build test lint; do
        printf '\n%s:' "$g"
        # shellcheck disable=SC2086
        printf ' %s' ${GROUPS_OF[$g]}
    done
    printf '\n'
}

fail() {
    echo "deps.sh: $2" >&2
    exit "$1"
}

installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Mirrors fail now and then, and another apt-get may hold the lock for a while.
apt() {
    local try
    for try in 1 2 3 4; do
        DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" \
            </dev/null && return
        echo "deps.sh: apt-get $1 failed, attempt $try of 4" >&2
        ((try == 4)) || sleep "$((try * 2))" # bounded: 12 s in all
    done
    fail 3 "apt-get $* failed four times"
}

DRY='' QUIET='' MISSING=() WANTED=()
for word; do
    case $word in
    build | test | lint) WANTED+=("$word") ;;
    all) WANTED+=(build test lint) ;;
    --dry-run) DRY=1 ;;
    --quiet) QUIET=1 ;;
    -h | --help) usage && exit ;;
    *) fail 2 "'$word' is neither a group (build, test, lint, all) nor an option; see --help" ;;
    esac
done
((${#WANTED[@]})) || fail 2 "which group: build, test, lint or all? see --help"
command -v dpkg-query >/dev/null ||
    fail 3 "no dpkg here; install what --help lists with your own package manager"

for group in "${WANTED[@]}"; do
    for package in ${GROUPS_OF[$group]}; do
        installed "$package" || MISSING+=("$package")
    done
done
# Some tests unpack Postfix for themselves (apt-get download), so apt must know of it.
if [[ " ${WANTED[*]} " == *" test "* && -z $DRY ]] && ((EUID == 0)) &&
    [[ -z $(apt-cache show postfix 2>/dev/null) ]]; then
    apt -qq update
fi
if ((${#MISSING[@]} == 0)); then
    [[ $QUIET ]] || echo "deps.sh: ${WANTED[*]}: all there"
    exit 0
fi
echo "deps.sh: ${WANTED[*]}: missing: ${MISSING[*]}"
[[ -z $DRY ]] || exit 0
((EUID == 0)) || fail 3 "installing needs root: sudo contrib/deps.sh ${WANTED[*]}"
apt -qq update
apt -qq -y --no-install-recommends install "${MISSING[@]}"
for package in "${MISSING[@]}"; do
    installed "$package" || fail 3 "$package is still not installed"
done
echo "deps.sh: installed: ${MISSING[*]}"
