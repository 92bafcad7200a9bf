#!/bin/bash
# The repository's .clang-format, applied.
. "$(dirname "$0")/lib.sh"
need clang-format
files 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' | { xargs -r clang-format --dry-run 2>&1 || true; } |
    { grep -E 'warning:|error:' || true; } | cut -d: -f1 | uniq -c |
    sed 's/$/: places that clang-format -i would change/' | none
