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
for module in (usage, content, refusals, peers, pace, account):
    if len(sys.argv) < 2 or module.__name__ in sys.argv[1:]:
        module.run(tap)
sys.exit(tap.done())
