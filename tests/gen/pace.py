"""Rates, patterns, the open loop, warm-up: judged by what the peer saw and by the account's own sums, over
the whole of a run. When messages are due is proven by unit/gen/test_draws.c. Here nothing may come before it
is due, whatever the machine does; and one try in a few has to be on time, for a machine with other things to
do makes things late, and never early."""
import math
import statistics
import time

from gentest import Peer, converse, differs, generate, greet, talk
from sinktest import Sink


def in_time(judge, tries=5):
    """judge() says what is wrong, and what is only late."""
    late = None
    for _ in range(tries):
        wrong, late = judge()
        if wrong or not late:
            return wrong
    return f"{late}, {tries} times"


def throttle():
    """Within 1 % over the run, by the messages the sink got and the time the account tells."""
    for rate, count, options in (("2000/s", 8000, ()), ("30000/min", 2000, ("--workers", 3)),
                                 ("3600000/hour", 3000, ("--open-loop",)), ("5,000/s", 15000, ("--workers", 1))):
        n, unit = rate.replace(",", "").split("/")
        wanted = float(n) / {"s": 1, "min": 60, "hour": 3600}[unit]

        def judge(rate=rate, count=count, options=options, wanted=wanted):
            with Sink() as sink:
                status, account, _ = generate(sink.port, "--throttle", rate, "--message-count", count, *options)
                got = sink.stats()["messages"] / account["seconds"] / wanted
            why = f"{rate}: status {status}, {got:.3f} of it in {account['seconds']} s"
            return why if status or got > 1.01 else None, why if got < 0.99 else None
        why = in_time(judge)
        if why:
            return why
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


def paced(rate, pattern, *options):
    """When the messages were begun: seconds since before the generator was started."""
    clock = Clock()
    with Peer(clock.serve) as peer:
        began = time.monotonic()
        status, account, _ = generate(peer.port, "--throttle", f"{rate}/s", "--arrivals", pattern, "--concurrency", 40,
                                      *options)
    assert status == 0 and account["messages"]["accepted"] == len(clock.at), account
    return sorted(t - began for t in clock.at)


def follows(at, due):
    """Wrong: a message before it is due, or more of them. Late: half of them by half a second, or a quarter
    missing when the time is over."""
    early = sum(a < d for a, d in zip(at, due))
    behind = statistics.median(a - d for a, d in zip(at, due))
    wrong = f"{len(at)} of {len(due)}, {early} early" if early or len(at) > len(due) else None
    return wrong, f"{len(at)} of {len(due)}, {behind:.3f} s late" if behind > 0.5 or len(at) < 0.75 * len(due) else None


def near(at):
    """The part of the intervals within half of their mean: all of even ones, 0.38 of a Poisson process's."""
    gaps = [b - a for a, b in zip(at, at[1:])]
    mean = statistics.mean(gaps)
    return sum(0.5 * mean < x < 1.5 * mean for x in gaps) / len(gaps)


def even():
    def judge():
        at = paced(200, "steady", "--message-count", 600, "--workers", 2)
        wrong, late = follows(at, [i / 200 for i in range(600)])
        return wrong, late or (None if near(at) > 0.6 else f"near {near(at):.2f}")
    return in_time(judge)


def poisson():
    """Not even, whatever the load; and the same number in the time: within five standard deviations."""
    def judge():
        at = paced(400, "poisson", "--message-count", 1200, "--seed", 4)
        wrong = near(at) > 0.5 or at[-1] < 3 - 5 * math.sqrt(1200) / 400
        return f"near {near(at):.2f}, {at[-1]:.3f} s" if wrong else None, f"{at[-1]:.3f} s" if at[-1] > 4 else None
    return in_time(judge)


def ramp():
    """After t of T seconds the part (t / T) squared is due."""
    return in_time(lambda: follows(paced(800, "ramp", "--duration", 3),
                                   [3 * math.sqrt(i / 1200) for i in range(1200)]))


def spike():
    """One second in two brings four times as much."""
    period = [i / 200 for i in range(200)] + [1 + i / 800 for i in range(800)]
    return in_time(lambda: follows(paced(200, "spike:4,2,1", "--duration", 4), period + [2 + t for t in period]))


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
            if verb == "MAIL" and time.monotonic() < began[0] + 0.3:
                time.sleep(0.6)
        talk(peer, f, answer)
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--warm-up", 2, "--duration", 1, "--throttle", "100/s", "--concurrency",
                                      10)
    m, latency = account["messages"], account["latency_us"]
    good = status == 0 and m["accepted"] == len(peer.messages) and latency["max"] < 500000
    good = good and account["measured"]["messages"] < m["accepted"] and latency["count"] < m["accepted"]
    return None if good and abs(account["measured"]["seconds"] - 1) < 0.5 else f"{status} {account}"


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
