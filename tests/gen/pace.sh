#!/bin/bash
# Rates, patterns, the open loop, warm-up. See run.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" pace
