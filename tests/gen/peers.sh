#!/bin/bash
# Servers that die, stall, send garbage, say 421, offer TLS badly. See run.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" peers
