#!/bin/bash
# Builds with clang, warnings being errors.
. "$(dirname "$0")/lib.sh"
need clang make
make -s -j"$JOBS" BUILD="$BUILD-clang" CC=clang all unit-programs tools
