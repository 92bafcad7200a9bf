"""What an operator changes while the sink runs: kumo-sink ctl, and the control socket behind it."""
import json
import socket
import subprocess

from policy import HELLO, Policy, codes, mail
from sinktest import LIMIT, PROGRAM, Sink, finals, read_all, read_reply, wait_for

TEXT = '[provider.p]\ndomains = "p.example"\n[[rule]]\nlocal = "drop"\nfault = "drop"\n'
ANSWER = {"schema": "kumo-sink/control/1"}


def ctl(sink, *words, data=None):
    """Status, and the answer or what was said instead."""
    p = subprocess.run([PROGRAM, "ctl", sink.control] + list(words), input=data, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=LIMIT, check=False)
    return p.returncode, json.loads(p.stdout) if p.stdout else p.stderr.decode()


def dots(sink, n=40, domain=b"p.example"):
    """The answers to the dot of n messages for others each."""
    got = codes(sink, HELLO + b"".join(mail(b"%d@%s" % (i, domain)) for i in range(n)))
    return [c for c in got[2:] if c not in (354,)][2::3]


def settings():
    """A key of a provider, of a domain and of the default is set, and taken back, over any policy."""
    with Policy(TEXT) as p, Sink("--policy", p.path, workers=2) as sink:
        if set(dots(sink)) != {250}:
            return "refused before anything was set"
        status, answer = ctl(sink, "set", "p", "bounce", "100")
        if status or answer["set"] != 1 or not wait_for(lambda: set(dots(sink)) == {550}):
            return f"provider: {answer}, {set(dots(sink))}"
        if set(dots(sink, domain=b"d.example")) != {250}:
            return "the other domain is refused too"
        ctl(sink, "set", "d.example", "defers", '{code = 452, msg = "4.2.2 full"}')
        ctl(sink, "set", "d.example", "defer", "100")
        ctl(sink, "set", "default", "bounce", "100")
        want = {550}, {452}, {550}
        got = [set(dots(sink, domain=d)) for d in (b"p.example", b"d.example", b"e.example")]
        if not wait_for(lambda: tuple(set(dots(sink, domain=d)) for d in
                                      (b"p.example", b"d.example", b"e.example")) == want):
            return f"{got}"
        ctl(sink, "policy", "reload")
        if not wait_for(lambda: set(dots(sink)) == {550}):
            return "a reload forgot what was set"
        shown = ctl(sink, "policy", "show")[1]["policy"]
        if shown["providers"]["p"]["bounce"] != 100 or shown["providers"]["d.example"]["defer"] != 100:
            return f"{shown}"
        ctl(sink, "unset", "p", "bounce")
        ctl(sink, "unset", "default")
        if not wait_for(lambda: set(dots(sink)) == {250}):
            return "not taken back"
        status, answer = ctl(sink, "unset", "all")
        good = wait_for(lambda: set(dots(sink, domain=b"d.example")) == {250})
        return None if good and answer["set"] == 0 and not status else f"{answer}"


def rates():
    """A provider's rate is switched while its mail is coming."""
    with Policy(TEXT) as p, Sink("--policy", p.path) as sink:
        ctl(sink, "set", "p", "rate", "0.01")
        with sink.connect() as s:
            s.sendall(HELLO + mail(b"1@p.example") + mail(b"2@p.example"))
            got = [line[:3] for line in finals(read_all(s))]
        if b"421" not in got:
            return f"{got}"
        ctl(sink, "unset", "p")
        return None if wait_for(lambda: set(dots(sink, 3)) == {250}) else "the rate stays"


def texts():
    """Another policy is given as text: from a file, from standard input; one with an error changes nothing."""
    with Policy('[default]\nbounce = 100\n') as p, Sink() as sink:
        status, answer = ctl(sink, "policy", "load", p.path)
        if status or answer["policy"] != p.path or not wait_for(lambda: set(dots(sink)) == {550}):
            return f"file: {answer}"
        big = b"[default]\ndefer = 100\n" + b"# a line of no use, many times\n" * 50000
        status, answer = ctl(sink, "policy", "load", "-", data=big)
        if status or answer["policy"] != "stdin" or not wait_for(lambda: set(dots(sink)) == {451}):
            return f"standard input: {answer}"
        status, answer = ctl(sink, "policy", "load", "-", data=b"[default]\nbounce = 101\n")
        if status != 1 or "stdin:2:" not in answer or "101" not in answer or set(dots(sink)) != {451}:
            return f"bad text: {status} {answer}"
        status, answer = ctl(sink, "policy", "off")
        good = status == 0 and answer["policy"] is None and wait_for(lambda: set(dots(sink)) == {250})
        return None if good else f"off: {answer}"


def seeds():
    """Another seed refuses others, just as many; the one before brings the same ones back."""
    with Policy("seed = 1\n[default]\nbounce = 50\n") as p:
        got = []
        for seed in (None, "7", "policy"):
            with Sink("--policy", p.path) as sink:
                if seed and ctl(sink, "seed", "7")[0]:
                    return "the seed is refused"
                if seed == "policy" and ctl(sink, "seed", "policy")[0]:
                    return "the policy's own seed is refused"
                if seed:
                    want = 7 if seed == "7" else 1
                    if ctl(sink, "policy", "show")[1]["policy"]["seed"] != want:
                        return "another seed is shown"
                with sink.connect() as s, s.makefile("rb") as f:
                    s.sendall(b"NOOP\r\n")
                    read_reply(f)
                got.append(dots(sink, 100))
        good = got[0] == got[2] != got[1] and all(30 < g.count(550) < 70 for g in got)
        return None if good else f"{[g.count(550) for g in got]}"


def paused():
    """421 for who comes and at the next MAIL of who is there; a transaction may be finished."""
    with Sink() as sink, sink.connect() as s, s.makefile("rb") as f:
        s.sendall(HELLO + mail(b"c@d.example")[:-6])
        for _ in range(5):
            read_reply(f)
        if ctl(sink, "pause") != (0, dict(ANSWER, paused=True)):
            return "it does not pause"
        with sink.connect() as t:
            new = read_all(t)
        s.sendall(b"x\r\n.\r\n" + mail(b"c@d.example"))
        old = [read_reply(f)[0][:3] for _ in range(2)]
        end = f.read()
        stats = sink.stats()
        ctl(sink, "resume")
        if set(dots(sink, 1)) != {250}:
            return "it does not go on"
    good = new.startswith(b"421 ") and old == [b"250", b"421"] and end == b"" and stats["paused"] == 2
    return None if good else f"{new} {old} {end} {stats['paused']}"


def faultless():
    """Without faults, what a rule would break is served; its answers and those of others stay."""
    with Policy(TEXT + '[[rule]]\nlocal = "drop"\ncode = 552\n') as p, Sink("--policy", p.path) as sink:
        data = HELLO + mail(b"drop@d.example")
        broken = codes(sink, data)
        if ctl(sink, "faults", "off") != (0, dict(ANSWER, faults=False)):
            return "they stay"
        whole = codes(sink, data)
        ctl(sink, "faults", "on")
        again = codes(sink, data)
    good = broken == again == [220, 250, 250] and whole[3] == 552
    return None if good else f"{broken} {whole} {again}"


def counters():
    """They begin anew in every process, but for what is open; who is connected is counted on."""
    with Sink(workers=2) as sink, sink.connect() as s, s.makefile("rb") as f:
        for _ in range(10):
            dots(sink, 5)
        read_reply(f)
        before = sink.stats()
        status, answer = ctl(sink, "reset")
        after = sink.stats()
        s.sendall(HELLO + mail(b"c@d.example"))
        for _ in range(5):
            read_reply(f)
        last = sink.stats()
    gone = {k: v for k, v in after.items() if isinstance(v, int) and v and k not in ("pid", "workers", "open",
                                                                                     "uptime_seconds")}
    good = before["messages"] == 50 and status == 0 and not gone and after["open"] == 1 and not after["replies"]
    good = good and not after["latency_us"]["session"]["count"] and last["messages"] == 1
    return None if good else f"{answer} {gone} {after['open']} {last['messages']}"


def refusals():
    """Each error says what is wrong, and what there is instead; nothing changes."""
    with Policy(TEXT) as p, Sink("--policy", p.path) as sink:
        before = ctl(sink, "policy", "show")
        rows = ((["set", "p", "bounce", "101"], "101"), (["set", "p", "bonce", "1"], "there are: bounce"),
                (["set", "q", "bounce", "1"], "'q'"), (["set", "p.example", "bounce", "1"], "belongs to 'p'"),
                (["set", "p", "rate", '"x"'], "rate is a string"), (["set", "p", "bounce", "1 ]"], "set:1"),
                (["set", "p", 'x"y', "1"], "can't be set"), (["seed", "-1"], "'-1'"), (["unset", "p"], "not set"),
                (["nonsense"], "set TARGET KEY VALUE"), (["set", "p", "domains", '"x.example"'], "no key 'domains'"),
                (["faults", "perhaps"], "faults on"))
        for words, said in rows:
            status, answer = ctl(sink, *words)
            if status != 1 or said not in answer:
                return f"{words}: {status} {answer}"
        if ctl(sink, "policy", "show") != before:
            return "something has changed"
        rows = (([PROGRAM, "ctl"], 2, "a socket and a command"), ([PROGRAM, "ctl", sink.control], 2, "command"),
                ([PROGRAM, "ctl", "/nowhere/s", "ping"], 3, "/nowhere/s"),
                ([PROGRAM, "ctl", sink.control, "policy", "load", "/nowhere"], 2, "/nowhere"),
                ([PROGRAM, "ctl", sink.control, "a\nb"], 2, "line break"), ([PROGRAM, "ctl", "--help"], 0, "set TARGET"))
        for args, status, said in rows:
            q = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
            if q.returncode != status or said not in q.stdout.decode():
                return f"{args}: {q.returncode} {q.stdout}"
        return None


def rude():
    """A body that is too long, cut off or never comes; lines without end: others are answered."""
    with Sink() as sink:
        held = []
        for data in (b"policy text 99999999999 x\n" + b"y" * 1000, b"policy text 100 x\nabc", b"policy text x y\n",
                     b"z" * 100000, b"policy text 5 \n12345", b"\n\n", b"policy text 8000000 n\n"):
            s = socket.socket(socket.AF_UNIX)
            s.connect(sink.control)
            s.settimeout(LIMIT)
            try:
                s.sendall(data)
            except OSError:
                pass
            held.append(s)
        if sink.ask("ping")["pong"] != "c0ffee":
            return "no answer"
        answer = held[0].recv(1000) + held[0].recv(1000)
        for s in held:
            s.close()
        return None if b"too long" in answer and sink.ask("policy")["policy"] is None else f"{answer}"


def drained():
    """drain: who is in a transaction finishes it; the answer is the account."""
    with Sink() as sink, sink.connect() as s, s.makefile("rb") as f:
        s.sendall(HELLO + mail(b"c@d.example")[:-6])
        for _ in range(5):
            read_reply(f)
        p = subprocess.Popen([PROGRAM, "ctl", sink.control, "drain"], stdout=subprocess.PIPE)
        with socket.socket() as t:
            if not wait_for(lambda: t.connect_ex(("127.0.0.1", sink.port)) != 0):
                return "others are still served"
        s.sendall(b"x\r\n.\r\n")
        got = [line[:3] for line in finals(f.read())]
        account = json.loads(p.communicate(timeout=LIMIT)[0])
    return None if got == [b"250", b"421"] and account["messages"] == 1 and p.returncode == 0 else f"{got} {account}"


def run(tap):
    for test in (settings, rates, texts, seeds, paused, faultless, counters, refusals, rude, drained):
        tap.run(f"steer: {test.__name__.replace('_', ' ')}", test)
