"""All SMTP tests but those that need a redirect; TAP on standard output."""
import sys

import abuse
import account
import capture
import clients
import control
import faults
import operation
import policy
import tls
import schemas
import scripts
import steer
from sinktest import Sink, Tap

tap = Tap()
with Sink() as sink:
    scripts.run(tap, sink)
    clients.run(tap, sink)
    abuse.run(tap, sink)
    tap.check(sink.end() == 0, "the sink ends with status 0")
abuse.run_own(tap)
account.run(tap)
capture.run(tap)
control.run(tap)
faults.run(tap)
operation.run(tap)
policy.run(tap)
schemas.run(tap)
steer.run(tap)
tls.run(tap)
sys.exit(tap.done())
