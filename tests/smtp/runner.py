"""All SMTP tests but those that need a redirect; TAP on standard output. As root each part runs in a network
namespace of its own, some beside each other; one part alone where it is named."""
import concurrent.futures
import os
import re
import subprocess
import sys

import abuse
import account
import capture
import clients
import control
import faults
import operation
import policy
import schemas
import scripts
import steer
import tls
from sinktest import Sink, Tap


def shared(tap):
    """The parts that one sink serves, one after the other."""
    with Sink() as sink:
        scripts.run(tap, sink)
        clients.run(tap, sink)
        abuse.run(tap, sink)
        tap.check(sink.end() == 0, "the sink ends with status 0")


# The longest first.
PARTS = {"shared": shared, "abuse": abuse.run_own, "policy": policy.run, "tls": tls.run, "operation": operation.run,
         "steer": steer.run, "faults": faults.run, "capture": capture.run, "control": control.run,
         "account": account.run, "schemas": schemas.run}


def alone(parts):
    tap = Tap()
    for part in parts:
        PARTS[part](tap)
    return tap.done()


def apart(part):
    """A part in a process and a namespace of its own: its status and what it said."""
    script = f"ip link set lo up && exec {sys.executable} runner.py {part}"
    p = subprocess.run(["unshare", "-n", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, check=False)
    return p.returncode, p.stdout.decode(errors="replace")


def together(parts):
    """Numbers what the parts said anew; a part that did not come to its end is a failure."""
    n, bad = 0, 0
    with concurrent.futures.ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        for part, (status, said) in zip(parts, pool.map(apart, parts)):
            ended = re.search(r"^1\.\.\d+$", said, re.M)
            for line in said.splitlines():
                result = re.match(r"((?:not )?ok) \d+( .*)", line)
                n += bool(result)
                if not line.startswith("1.."):
                    print(f"{result[1]} {n}{result[2]}" if result else line, flush=True)
            bad |= status
            if not ended:
                n, bad = n + 1, 1
                print(f"not ok {n} - {part}: ended with status {status}", flush=True)
    print(f"1..{n}", flush=True)
    return bad


if sys.argv[1:]:
    sys.exit(alone(sys.argv[1:]))
sys.exit(together(PARTS) if os.geteuid() == 0 else alone(PARTS))
