"""Counts on both sides are equal to the message, at every refusal and deferral policy of the sink."""
import os
import tempfile

from gentest import command, differs, generate, sums_up
from sinktest import Sink

COUNT = 3000
STAGES = ("rcpt", "data", "dot")


class Policy:
    def __init__(self, text):
        self.dir = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.dir.name, "policy.toml")
        with open(self.path, "w", encoding="ascii") as f:
            f.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dir.cleanup()


def texts(bounce, defer, stage, codes):
    """A policy for every domain: percent refused and put off, at a stage, with these replies."""
    out = f'[default]\nbounce = {bounce}\ndefer = {defer}\nstage = "{stage}"\n'
    for code, msg in codes:
        out += f'[[default.{"bounces" if code >= 500 else "defers"}]]\ncode = {code}\nmsg = "{msg}"\n'
    return out


def balance(account, stats):
    """What each side counted, as pairs that must be equal."""
    m, again = account["messages"], account["tried_again"]
    told = {}
    for stage in account["replies"].values():
        for code, n in stage.items():
            told[code] = told.get(code, 0) + n
    # The sink counts refused and deferred messages only where DATA was accepted.
    dot = account["replies"]["dot"]
    refused = sum(n for c, n in dot.items() if c[0] == "5")
    deferred = sum(n for c, n in dot.items() if c[0] == "4")
    return {
        "accepted": (m["accepted"], stats["messages"]),
        "refused": (refused, stats["messages_refused"]),
        "deferred": (deferred, stats["messages_deferred"]),
        "recipients": (account["recipients"]["accepted"], stats["recipients"]),
        "replies": (sum(told.values()), m["accepted"] + m["refused"] + m["deferred"] + again["answered_421"]),
        "5xx": (sum(n for c, n in told.items() if c[0] == "5"), m["refused"]),
        "4xx": (sum(n for c, n in told.items() if c[0] == "4"), m["deferred"] + again["answered_421"]),
        "421": (told.get("421", 0), again["answered_421"]),
        "connections": (account["connections"]["opened"], stats["connections"]),
    }


def unequal(account, stats):
    bad = {k: v for k, v in balance(account, stats).items() if v[0] != v[1]}
    return None if not bad and sums_up(account) else f"{bad} {account['messages']} {account['tried_again']}"


def policies():
    for stage in STAGES:
        for bounce, defer in ((0, 0), (10, 0), (0, 10), (30, 30), (100, 0), (0, 100), (60, 40)):
            yield stage, bounce, defer, ((550, "5.1.1 nobody"), (451, "4.3.0 later"))


def one(text, *options, count=COUNT, sink_options=()):
    with Policy(text) as p, Sink("--policy", p.path, *sink_options) as sink:
        status, account, _ = generate(sink.port, "--keep-going", "--message-count", count, "--body-size", 100,
                                      *options)
        if not sink.quiet():
            return "connections stay open"
        stats = sink.stats()
    m = account["messages"]
    wanted = 0 if m["accepted"] == count else 1
    why = unequal(account, stats) or differs(status, wanted)
    return why or differs(m["offered"], count)


def stage(name, *options):
    for at, bounce, defer, codes in policies():
        if at != name:
            continue
        why = one(texts(bounce, defer, at, codes), *options)
        if why:
            return f"{bounce} % refused, {defer} % put off: {why}"
    return None


def busy(*options):
    """421 of every tenth at the dot, and the connection ends: all arrive in the end."""
    for at in STAGES:
        text = texts(0, 10, at, ((421, "4.7.0 too busy"),))
        with Policy(text) as p, Sink("--policy", p.path) as sink:
            status, account, _ = generate(sink.port, "--message-count", 1000, "--concurrency", 20, *options)
            sink.quiet()
            stats = sink.stats()
        if account["tried_again"]["answered_421"] == 0:
            return f"{at}: nothing was answered 421"
        why = unequal(account, stats)
        if why:
            return f"{at}: {why}"
        # The same recipient is refused again each time (repeatable dice), so some never get through.
        m = account["messages"]
        if m["accepted"] + m["unfinished"] != 1000 or status != (m["unfinished"] > 0):
            return f"{at}: status {status}, {m}"
    return None


def some_recipients(*options):
    """Of five recipients some are refused: the message goes to the others."""
    text = texts(30, 0, "rcpt", ((550, "5.1.1 nobody"),))
    with Policy(text) as p, Sink("--policy", p.path) as sink:
        _, account, _ = generate(sink.port, "--keep-going", "--recipients", 5, "--message-count", 2000, *options)
        sink.quiet()
        stats = sink.stats()
    m, r = account["messages"], account["recipients"]
    got = (m["accepted"], r["accepted"], m["offered"])
    wanted = (stats["messages"], stats["recipients"], 2000)
    if got != wanted or not sums_up(account) or not 0 < m["refused"] < 30:
        return f"got {got}, wanted {wanted}, {m}"
    return None if r["refused"] == 10000 - stats["rcpt_accepted"] else f"{r} {stats['rcpt_accepted']}"


def ends_clients():
    """Without --keep-going a refusal ends the client, as with traffic-gen; the last ends the run."""
    with Policy(texts(100, 0, "dot", ((550, "5.1.1 nobody"),))) as p, Sink("--policy", p.path) as sink:
        status, account, err = generate(sink.port, "--concurrency", 7, "--no-pipelining")
        stats = sink.stats()
    m = account["messages"]
    got = (status, m["offered"], m["refused"], stats["messages_refused"], account["seconds"] < 30)
    return differs(got, (1, 7, 7, 7, True)) or (None if "550 5.1.1 nobody" in err else err)


def compat_status():
    """Its exit status is 0 though every message failed, and its line says so."""
    with Policy(texts(100, 0, "dot", ((550, "5.1.1 nobody"),))) as p, Sink("--policy", p.path) as sink:
        status, out, _ = command("--target", f"127.0.0.1:{sink.port}", "--compat", "traffic-gen", "--concurrency",
                                 3, "--no-pipelining")
    return None if status == 0 and "\nsent 0 messages, failed 3 over " in out else f"{status} {out}"


def per_connection():
    for n, options in ((1, ()), (1, ("--no-pipelining",)), (7, ())):
        with Sink() as sink:
            status, account, _ = generate(sink.port, "--message-count", 700, "--messages-per-connection", n,
                                          "--concurrency", 10, *options)
            sink.quiet()
            stats = sink.stats()
        least = 700 // n
        if status or stats["messages"] != 700 or not least <= stats["connections"] < least + 10:
            return f"{n} a connection: {stats['connections']} connections, {account['messages']}"
        why = unequal(account, stats)
        if why:
            return why
    return None


def too_many_recipients():
    """What is over the sink's limit gets 452, and the others the message."""
    with Sink("--max-recipients", "100") as sink:
        status, account, _ = generate(sink.port, "--recipients", 150, "--message-count", 20)
        stats = sink.stats()
    got = (status, account["messages"]["accepted"], account["recipients"], stats["recipients"])
    return differs(got, (0, 20, {"accepted": 2000, "refused": 1000}, 2000))


def run(tap):
    for name in STAGES:
        tap.run(f"refusals: at {name}, pipelined", stage, name)
        tap.run(f"refusals: at {name}, one by one", stage, name, "--no-pipelining")
    tap.run("refusals: 421, pipelined", busy, "--duration", 4, "--drain", 1)
    tap.run("refusals: 421, one by one", busy, "--no-pipelining", "--duration", 4, "--drain", 1)
    tap.run("refusals: some recipients", some_recipients)
    tap.run("refusals: some recipients, one by one", some_recipients, "--no-pipelining")
    for test in (ends_clients, compat_status, per_connection, too_many_recipients):
        tap.run(f"refusals: {test.__name__.replace('_', ' ')}", test)
