"""The policy over the wire: delays keep the order of replies, faults, reload, accounts."""
import os
import signal
import tempfile
import time

from control import is_reset, refused
from sinktest import Sink, finals, free_port, read_reply, talk, wait_for

HELLO = b"EHLO me\r\n"


def mail(rcpt, sender=b"a@b.example"):
    return b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\nx\r\n.\r\n" % (sender, rcpt)


class Policy:
    """A file that is readable by whom the sink becomes."""

    def __init__(self, text):
        self.dir = tempfile.TemporaryDirectory(prefix="kr-policy-")
        os.chmod(self.dir.name, 0o755)
        self.path = os.path.join(self.dir.name, "policy.toml")
        self.write(text)

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path, 0o644)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dir.cleanup()


def codes(sink, data):
    return [int(line[:3]) for line in finals(talk(sink, [data]))]


def delays():
    """A delay holds back what comes after it, not what came before; everything stays in order."""
    text = """[[rule]]
stage = "mail"
delay = "300ms"
[[rule]]
local = "later"
delay = "300ms"
"""
    with Policy(text) as p, Sink("--policy", p.path) as sink, sink.connect() as s:
        start = time.monotonic()
        s.sendall(HELLO + mail(b"later@d.example") + b"QUIT\r\n")
        got = []
        with s.makefile("rb") as f:
            for _ in range(8):
                line = read_reply(f)[-1]
                got.append((int(line[:3]), time.monotonic() - start))
                if line[:3] == b"221":
                    break
    said = [code for code, _ in got]
    at = [when for _, when in got]
    good = said == [220, 250, 250, 250, 354, 250, 221]
    good = good and at[1] < 0.2 and 0.25 < at[2] < 0.55 and 0.55 < at[3] < 1.5 and at[6] - at[3] < 0.2
    return None if good else f"{got}"


def others_do_not_wait():
    """Thousands who are held back leave the others as fast as they were."""
    with Policy('[[rule]]\nlocal = "stall"\nfault = "stall"\n') as p, Sink("--policy", p.path) as sink:
        held = []
        for _ in range(500):
            s = sink.connect()
            s.sendall(HELLO + mail(b"stall@d.example"))
            held.append(s)
        start = time.monotonic()
        got = codes(sink, HELLO + mail(b"fast@d.example") + b"QUIT\r\n")
        took = time.monotonic() - start
        for s in held:
            s.close()
        ended = sink.quiet()
    return None if got[-2:] == [250, 221] and took < 1 and ended else f"{got} after {took:.2f} s"


def dismissed():
    """After 421 our side closes, without losing the reply to what the client still sends."""
    with Policy('[[rule]]\nlocal = "x"\ncode = 421\nmsg = "4.7.0 no"\n') as p:
        with Sink("--policy", p.path) as sink:
            for _ in range(20):
                got = finals(talk(sink, [HELLO + mail(b"x@d.example"), b"y" * 200000]))
                if [line[:3] for line in got] != [b"220", b"250", b"250", b"421"]:
                    return f"{got}"
            if not sink.quiet():
                return "connections stay open"
            stats = sink.stats()
    want = {"other": {"421": 20, "recipients_deferred": 20}}
    return None if stats["providers"] == want else f"{stats['providers']}"


def faults():
    rules = "".join(f'[[rule]]\nlocal = "{f}"\nfault = "{f}"\n' for f in ("drop", "reset"))
    with Policy(rules) as p, Sink("--policy", p.path) as sink:
        got = finals(talk(sink, [HELLO + mail(b"drop@d.example")]))
        if [line[:3] for line in got] != [b"220", b"250", b"250"]:
            return f"drop: {got}"
        with sink.connect() as s:
            s.sendall(HELLO + b"MAIL FROM:<a@b.example>\r\nRCPT TO:<reset@d.example>\r\n")
            reset = is_reset(s)
        n = sink.stats()["faults"]
    return None if reset and n == 2 else f"reset {reset}, {n} counted"


def bandwidth():
    text = '[[rule]]\nlocal = "slow"\nbandwidth = 100000\n'
    with Policy(text) as p, Sink("--policy", p.path) as sink:
        start = time.monotonic()
        body = b"z" * 70 + b"\r\n"
        data = mail(b"slow@d.example").replace(b"x\r\n", body * 3000, 1) + b"QUIT\r\n"
        got = codes(sink, HELLO + data)
        took = time.monotonic() - start
    return None if got[-2:] == [250, 221] and 0.9 < took < 5 else f"{got} {took:.2f} s"


def lmtp():
    """Each recipient has its own answer."""
    text = '[provider.p]\ndomains = "bad.example"\nbounce = 100\n[[provider.p.bounces]]\ncode = 550\n'
    with Policy(text) as p, Sink("--policy", p.path, "--lmtp") as sink:
        got = codes(sink, b"LHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@bad.example>\r\n"
                    b"RCPT TO:<a@good.example>\r\nDATA\r\n.\r\nQUIT\r\n")
        stats = sink.stats()
    good = got == [220, 250, 250, 250, 250, 354, 550, 250, 221]
    return None if good and (stats["messages"], stats["recipients"]) == (1, 1) else f"{got} {stats}"


def answer_of(sink):
    return codes(sink, HELLO + mail(b"c@d.example"))[-1]


def reload():
    """SIGHUP: a new policy for all workers; one with an error leaves what was in force."""
    rule = '[[rule]]\nstage = "dot"\ncode = %d\n'
    with Policy(rule % 551) as p, Sink("--policy", p.path, workers=2) as sink:
        if {answer_of(sink) for _ in range(8)} != {551}:
            return "the first policy"
        p.write(rule % 552)
        sink.process.send_signal(signal.SIGHUP)
        if not wait_for(lambda: {answer_of(sink) for _ in range(8)} == {552}):
            return "the second policy"
        p.write("[[rule]]\ncode = 99\n")
        sink.process.send_signal(signal.SIGHUP)
        if not wait_for(lambda: "code = 99" in sink.said()):
            return "the error is not said"
        error = sink.ask("policy reload")
        if "code = 99" not in error.get("error", "") or {answer_of(sink) for _ in range(8)} != {552}:
            return f"the bad policy: {error}"
        off = sink.ask("policy off")
        if off["policy"] is not None or not wait_for(lambda: {answer_of(sink) for _ in range(8)} == {250}):
            return f"off: {off}"
        p.write(rule % 553)
        on = sink.ask("policy reload")
        os.kill(sink.workers()[0], signal.SIGKILL)
        if not wait_for(lambda: len(sink.workers()) == 2):
            return "the worker is not replaced"
        if {answer_of(sink) for _ in range(8)} != {553}:
            return "a worker that was replaced has another policy"
    return None if on["rules"] == 1 and on["generation"] == 4 else f"{on}"


def shared_limits():
    """A rate holds for all workers together; so does a cap on connections."""
    text = '[provider.p]\ndomains = "d.example"\nrate = 0.001\nburst = 30\nconnections = 5\n'
    with Policy(text) as p, Sink("--policy", p.path, workers=2) as sink:
        got = [codes(sink, HELLO + mail(b"c@d.example") + b"QUIT\r\n") for _ in range(60)]
        sent = sum(c[-2:] == [250, 221] for c in got)
        if sent != 30:
            return f"{sent} of 30 were let through"
    with Policy(text.replace("0.001", "1000")) as p, Sink("--policy", p.path, workers=2) as sink:
        held, answers = [], []
        for _ in range(12):
            s = sink.connect()
            s.sendall(HELLO + b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
            with s.makefile("rb") as f:
                answers.append([int(read_reply(f)[-1][:3]) for _ in range(4)][-1])
            held.append(s)
        for s in held:
            s.close()
        sink.quiet()
        again = codes(sink, HELLO + mail(b"c@d.example") + b"QUIT\r\n")
    good = sorted(answers) == [250] * 5 + [421] * 7 and again[-2] == 250
    return None if good else f"{answers} {again}"


def providers_file():
    """The providers that come with it are understood, and answer as they should."""
    path = os.path.join(os.path.dirname(__file__), "..", "..", "rules", "sink-providers.toml")
    with open(path, encoding="utf-8") as f, Policy(f.read()) as p, Sink("--policy", p.path) as sink:
        summary = sink.ask("policy")
        for domain, perm, temp in ((b"gmail.com", (550, 552), (450, 421)), (b"yahoo.com", (554,), (421, 451))):
            for local, want in ((b"permfail", perm), (b"tempfail", temp)):
                got = codes(sink, HELLO + mail(local + b"@" + domain))[5]
                if got not in want:
                    return f"{local}@{domain}: {got}"
    return None if summary["providers"] == 6 else f"{summary}"


def bad_files():
    with Policy("[default]\nbounce = 101\n") as p:
        at = f"127.0.0.1:{free_port()}"
        return (refused(["-l", at, "--policy", p.path], 2, ":2:", "101") or
                refused(["-l", at, "--policy", p.path + "x"], 2, "policy.tomlx") or
                refused(["-l", at, "--seed", "x"], 2, "'x'") or
                refused(["-l", at, "--compat", "x"], 2, "'x'"))


def run(tap):
    for test in (delays, others_do_not_wait, dismissed, faults, bandwidth, lmtp, reload, shared_limits,
                 providers_file, bad_files):
        tap.run(f"policy: {test.__name__.replace('_', ' ')}", test)
