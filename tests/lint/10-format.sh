#!/bin/bash
# The repository's .clang-format, applied.
. "$(dirname "$0")/lib.sh"
need clang-format
files 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' | xargs -r clang-format --dry-run -Werror 2>&1 |
    grep -E 'error:' | cut -d: -f1 | sort | uniq -c | sed 's/$/: not formatted; clang-format -i/' |
    none
