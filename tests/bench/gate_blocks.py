"""Two sides of tests/bench/gate.sh take blocks of messages in turns; prints what came of it.

usage: gate_blocks.py FOLDER MESSAGES WARM PAIRS OTHERS MOST-SECONDS
FOLDER has for each side a pipe that its generator reads, SIDE.gen, and SIDE.ready: the MTA's log and
the control group of everything on that side.

A block goes from the word to the generator to the last delivery that the MTA's log tells. What the
other side uses meanwhile, which only waits, is taken off: it would not be there alone. A pair of blocks
during which somebody else used more than OTHERS of the processors tells nothing of the rate, and is
repeated; its processor time counts all the same."""
import os
import random
import sys
import time

SIDES = ("gate", "line")
CPUS = os.cpu_count()


class Side:
    def __init__(self, folder, name):
        log, self.cgroup = open(f"{folder}/{name}.ready").read().split()
        self.go = open(f"{folder}/{name}.gen", "w")
        self.log = open(log, "rb")
        self.log.seek(0, 2)
        self.kept, self.sent = b"", 0

    def used(self):
        with open(self.cgroup + "/cpu.stat") as f:
            return int(f.readline().split()[1]) / 1e6

    def delivered(self):
        self.kept += self.log.read()
        lines, _, self.kept = self.kept.rpartition(b"\n")
        self.sent += lines.count(b" status=sent ")
        return self.sent


def busy():
    with open("/proc/stat") as f:
        t = list(map(int, f.readline().split()[1:9]))
    return (sum(t[:3]) + sum(t[5:8])) / os.sysconf("SC_CLK_TCK")


def block(side, other, messages):
    """Seconds and processor seconds of it, and the share of the processors that strangers used."""
    wanted, waits = side.delivered() + messages, other.used()
    begin, used, all_used = time.time(), side.used(), busy()
    print("go", file=side.go, flush=True)
    while side.delivered() < wanted:
        if time.time() - begin > 60:
            sys.exit("not delivered: %d are missing" % (wanted - side.sent))
        time.sleep(0.01)
    seconds, used, waits = time.time() - begin, side.used() - used, other.used() - waits
    strangers = (busy() - all_used - used - waits) / CPUS / seconds
    return seconds - waits / CPUS, used, strangers, waits / seconds


def median(values):
    values = sorted(values)
    n = len(values)
    return (values[(n - 1) // 2] + values[n // 2]) / 2


def spread(values, draws=2000):
    """Where 95 of 100 medians lie of as many values drawn from these."""
    dice = random.Random(1)
    found = sorted(median(dice.choices(values, k=len(values))) for _ in range(draws))
    return found[int(draws * 0.025)], found[int(draws * 0.975)]


def measure(sides, messages, pairs, others, until):
    quiet, every = [], []
    while len(quiet) < pairs and time.time() < until:
        order = SIDES if len(every) % 2 else SIDES[::-1]
        pair = {name: block(sides[name], sides[SIDES[name == "gate"]], messages) for name in order}
        every.append(pair)
        if max(p[2] for p in pair.values()) <= others:
            quiet.append(pair)
    return quiet, every


def tell(what, unit, pairs, figure, ratio):
    ours, rival = (median([figure(p[s]) for p in pairs]) for s in SIDES)
    ratios = [ratio(p) for p in pairs]
    low, high = spread(ratios)
    print("%s|%.0f %s|%.0f %s|%.3f|%.3f to %.3f" % (what, ours, unit, rival, unit, median(ratios), low, high))


def main():
    folder, (messages, warm, pairs) = sys.argv[1], map(int, sys.argv[2:5])
    others, most = map(float, sys.argv[5:7])
    sides = {name: Side(folder, name) for name in SIDES}
    measure(sides, messages, warm, 1, time.time() + most)
    quiet, every = measure(sides, messages, pairs, others, time.time() + most)
    if len(quiet) < 10:
        sys.exit("only %d pairs of %d were not disturbed" % (len(quiet), len(every)))
    print("# %d pairs of blocks, %d more were disturbed; others used %.1f %% of the processors; the gate used %.2f %% of a "
          "core while it waited" % (len(quiet), len(every) - len(quiet),
                                    100 * median([b[2] for p in quiet for b in p.values()]),
                                    100 * median([p["line"][3] for p in quiet])))
    tell("rate", "msg/s", quiet, lambda b: messages / b[0], lambda p: p["line"][0] / p["gate"][0])
    tell("cost", "us/msg", every, lambda b: 1e6 * b[1] / messages, lambda p: p["line"][1] / p["gate"][1])


main()
