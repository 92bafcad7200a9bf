"""The tests of kumo-gen that need nobody else's programs; TAP on standard output."""
import sys

import account
import content
import peers
import pace
import refusals
import usage
from sinktest import Tap

tap = Tap()
# peers.sh and pace.sh run the two that take longest by themselves.
wanted = sys.argv[1:] or ["usage", "content", "refusals", "account"]
for module in (usage, content, refusals, peers, pace, account):
    if module.__name__ in wanted:
        module.run(tap)
sys.exit(tap.done())
