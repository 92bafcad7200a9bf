#!/bin/bash
# cppcheck; what it is told to leave out stands here with the reason.
. "$(dirname "$0")/lib.sh"
need cppcheck
mkdir -p "$CACHE/cppcheck"
QUIET=(
    --suppress=missingIncludeSystem   # it needs no system headers
    --suppress=unusedStructMember     # filled by the kernel or read by another file
    --suppress=uninitvar              # wrong about arrays filled in loops; clang's analyzer is right
    --suppress=unmatchedSuppression
    --suppress=normalCheckLevelMaxBranches
)
files 'src/*.c' | cppcheck --quiet --error-exitcode=1 --std=c11 -j"$JOBS" --inline-suppr \
    --enable=warning,performance,portability --cppcheck-build-dir="$CACHE/cppcheck" "${QUIET[@]}" \
    -D_GNU_SOURCE -DKR_VERSION='"0"' -DKR_BINDIR='"/"' -DKR_LIBEXECDIR='"/"' -Iinclude --template=gcc --file-list=-
