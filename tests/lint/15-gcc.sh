#!/bin/bash
# Builds with gcc, warnings being errors.
. "$(dirname "$0")/lib.sh"
need gcc make
make -s -j"$JOBS" BUILD="$BUILD" CC=gcc all unit-programs tools
