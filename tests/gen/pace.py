"""Rates, patterns, the open loop, warm-up: judged by what the peer saw and by the account's own sums, over
the whole of a run."""
import time

from gentest import Peer, converse, differs, generate, greet, talk
from sinktest import Sink


def throttle():
    """Within 1 % over the run, by the messages the sink got and the time the account tells."""
    for rate, count, options in (("2000/s", 8000, ()), ("30000/min", 2000, ("--workers", 3)),
                                 ("3600000/hour", 3000, ("--open-loop",)), ("5,000/s", 15000, ("--workers", 1))):
        with Sink() as sink:
            status, account, _ = generate(sink.port, "--throttle", rate, "--message-count", count, *options)
            got = sink.stats()["messages"] / account["seconds"]
        n, unit = rate.replace(",", "").split("/")
        wanted = float(n) / {"s": 1, "min": 60, "hour": 3600}[unit]
        if status or abs(got / wanted - 1) > 0.01:
            return f"{rate}: status {status}, {got:.1f}/s in {account['seconds']} s"
    return None


class Clock:
    """A server that notes when each message was begun."""

    def __init__(self, delay=lambda n: 0.0):
        self.at, self.delay = [], delay

    def serve(self, peer, f, _, n):
        def answer(verb, _line):
            if verb == "MAIL":
                self.at.append(time.monotonic())
                time.sleep(self.delay(len(self.at)))
        converse(peer, f, answer)


def gaps(at):
    at = sorted(at)
    return [b - a for a, b in zip(at, at[1:])]


def poisson():
    """Intervals vary as those of a Poisson process do: the squared coefficient of variation is 1."""
    clock = Clock()
    with Peer(clock.serve) as peer:
        generate(peer.port, "--throttle", "400/s", "--arrivals", "poisson", "--message-count", 2000, "--seed", 4,
                 "--concurrency", 40)
    g = gaps(clock.at)
    mean = sum(g) / len(g)
    cv2 = sum((x - mean)**2 for x in g) / len(g) / mean**2
    return None if 0.75 < cv2 < 1.3 and 0.92 < mean * 400 < 1.08 else f"mean {mean * 400:.3f}, {cv2:.2f}"


def even():
    clock = Clock()
    with Peer(clock.serve) as peer:
        generate(peer.port, "--throttle", "200/s", "--message-count", 600, "--concurrency", 20, "--workers", 2)
    g = gaps(clock.at)
    mean = sum(g) / len(g)
    # Of exponential gaps 0.38 would be; a machine that is late now and then moves few of them.
    near = sum(0.5 * mean < x < 1.5 * mean for x in g) / len(g)
    return None if near > 0.6 and 0.97 < mean * 200 < 1.03 else f"mean {mean * 200:.3f}, near {near:.2f}"


def parts(at, n, seconds):
    start = max(at) - seconds  # the first is later than it was due, while everything starts
    out = [0] * n
    for t in at:
        out[max(0, min(n - 1, int((t - start) / seconds * n)))] += 1
    return out


def ramp():
    """Each quarter of the time brings what lies below its part of the line: 1, 3, 5 and 7 sixteenths."""
    clock = Clock()
    with Peer(clock.serve) as peer:
        status, account, _ = generate(peer.port, "--throttle", "800/s", "--arrivals", "ramp", "--duration", 4,
                                      "--concurrency", 40)
    total = account["messages"]["accepted"]
    got = [x / total * 16 for x in parts(clock.at, 4, 4)]
    good = status == 0 and abs(total / 1600 - 1) < 0.01
    return None if good and all(abs(a - b) < 0.35 for a, b in zip(got, (1, 3, 5, 7))) else f"{total} {got}"


def spike():
    """One second in two brings four times as much."""
    clock = Clock()
    with Peer(clock.serve) as peer:
        status, account, _ = generate(peer.port, "--throttle", "200/s", "--arrivals", "spike:4,2,1", "--duration", 4,
                                      "--concurrency", 40)
    got = parts(clock.at, 4, 4)
    good = status == 0 and abs(account["messages"]["accepted"] / 2000 - 1) < 0.01
    return None if good and all(abs(a / b - 1) < 0.15 for a, b in zip(got, (200, 800, 200, 800))) else f"{got}"


def omission():
    """A server that stalls for a second: in the open loop the messages due meanwhile show it, in a closed one
    only the few that were under way do."""
    def run(*options):
        clock = Clock(lambda n: 1.0 if n == 100 else 0.0)
        with Peer(clock.serve) as peer:
            _, account, _ = generate(peer.port, "--throttle", "200/s", "--concurrency", 1, "--duration", 3, *options)
        return account
    closed, open_ = run(), run("--open-loop")
    if (closed["latency_from"], open_["latency_from"]) != ("sent", "due"):
        return "latency_from"
    p = closed["latency_us"]["p75"], open_["latency_us"]["p75"]
    if not p[0] < 200000 < p[1]:
        return f"p75 closed {p[0]} us, open {p[1]} us"
    return None if min(a["latency_us"]["max"] for a in (closed, open_)) >= 1000000 else "max"


def unsent():
    """What was due and nobody could send is told, and is a failure."""
    clock = Clock(lambda n: 0.05)
    with Peer(clock.serve) as peer:
        status, account, _ = generate(peer.port, "--throttle", "200/s", "--concurrency", 1, "--duration", 2,
                                      "--open-loop")
    m = account["messages"]
    return None if status == 1 and abs(m["unsent"] + m["offered"] - 400) <= 2 and m["unsent"] > 300 else f"{status} {m}"


def warm_up():
    """A slow beginning is in the totals, and not in what is measured."""
    began = []

    def serve(peer, f, _, n):
        began.append(time.monotonic())
        greet(f)

        def answer(verb, _line):
            if verb == "MAIL" and time.monotonic() < began[0] + 0.7:
                time.sleep(0.15)
        talk(peer, f, answer)
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--warm-up", 1, "--duration", 1, "--throttle", "100/s", "--concurrency",
                                      10)
    m, latency = account["messages"], account["latency_us"]
    good = status == 0 and m["accepted"] == len(peer.messages) and latency["max"] < 140000
    good = good and account["measured"]["messages"] < m["accepted"] and latency["count"] < m["accepted"]
    return None if good and abs(account["measured"]["seconds"] - 1) < 0.2 else f"{status} {account}"


def duration():
    """It ends when the time is over, and drains what is under way."""
    with Sink() as sink:
        status, account, _ = generate(sink.port, "--duration", 1, "--concurrency", 50)
        sink.quiet()
        stats = sink.stats()
    m = account["messages"]
    got = (status, m["accepted"], m["unfinished"] + m["unanswered"], 1 <= account["seconds"] < 5)
    return differs(got, (0, stats["messages"], 0, True))


def run(tap):
    for test in (throttle, even, poisson, ramp, spike, omission, unsent, warm_up, duration):
        tap.run(f"pace: {test.__name__.replace('_', ' ')}", test)
