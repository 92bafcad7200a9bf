#!/bin/bash
# The tables of checks in the README and the manual page say what the registry says.
. "$(dirname "$0")/lib.sh"
need python3 make
make -s -j"$JOBS" BUILD="$BUILD" CC=gcc all
tests/lint/registry.py "$BUILD/kumo-redirect"
