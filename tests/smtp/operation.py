"""What operators use: metrics, latencies, the live line, the graceful stop, the self-test."""
import os
import resource
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from control import is_reset
from policy import Policy, codes, mail
from sinktest import LIMIT, PROGRAM, Sink, finals, free_port, read_all, read_reply, wait_for

HELLO = b"EHLO me\r\n"
FILES = 131072 + 64


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LIMIT) as r:
        return r.read().decode(), r.headers["Content-Type"]


def metrics():
    """What /metrics says is what stats says; clients that hang or talk nonsense do no harm."""
    port = free_port()
    with Policy('[provider.p]\ndomains = "d.example"\nbounce = 100\nbounces = {code = 552}\n') as p:
        with Sink("--metrics", f"127.0.0.1:{port}", "--policy", p.path, workers=2) as sink:
            held = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
            for s in held[:15]:
                s.sendall(b"x" * 5000)
            for _ in range(5):
                codes(sink, HELLO + mail(b"x@d.example") + mail(b"x@e.example") + b"QUIT\r\n")
            sink.quiet()
            text, kind = get(port, "/metrics")
            stats = sink.stats()
            try:
                get(port, "/other")
                return "/other is there"
            except urllib.error.HTTPError as e:
                if e.code != 404:
                    return f"/other: {e.code}"
            for s in held:
                s.close()
    got = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    want = {"kumo_sink_messages_total": 5, "kumo_sink_messages_refused_total": 5, "kumo_sink_open": 0,
            'kumo_sink_replies_total{provider="p",code="552"}': 5,
            'kumo_sink_replies_total{provider="other",code="250"}': 5,
            "kumo_sink_transaction_seconds_count": 10, "kumo_sink_session_seconds_count": 5}
    for name, value in want.items():
        if float(got.get(name, -1)) != value:
            return f"{name} is {got.get(name)}, not {value}"
    for name, value in stats.items():
        if isinstance(value, int) and f"kumo_sink_{name}_total" in got:
            if int(got[f"kumo_sink_{name}_total"]) != value:
                return f"{name}: {got[f'kumo_sink_{name}_total']} and {value}"
    return None if kind.startswith("text/plain; version=0.0.4") else kind


def latencies():
    """A delay shows in the latency of transactions, not in that of other things."""
    with Policy('[[rule]]\nstage = "dot"\ndelay = "300ms"\n') as p, Sink("--policy", p.path) as sink:
        with sink.connect() as s, s.makefile("rb") as f:
            s.sendall(HELLO + b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
            for _ in range(5):
                read_reply(f)
            time.sleep(0.3)
            s.sendall(b"x\r\n.\r\n")
            read_reply(f)
        sink.quiet()
        got = sink.stats()["latency_us"]
    good = 280000 < got["content"]["max"] < 900000 and 580000 < got["session"]["max"] < 2000000
    good = good and 580000 < got["transaction"]["max"] < 2000000
    return None if good and got["transaction"]["count"] == 1 and got["busy"]["p50"] < 50000 else f"{got}"


def live():
    with Sink("--live", "always") as sink:
        codes(sink, HELLO + mail(b"c@d.example") + b"QUIT\r\n")
        shown = wait_for(lambda: "accepted 1 " in sink.said(), 5)
        return None if shown else sink.said()


def serves_new(sink):
    """Workers hear of the stop one after the other."""
    try:
        with sink.connect() as s:
            return s.recv(100)[:3] == b"220"
    except OSError:
        return False


def drain(how):
    """Who is in a transaction finishes it and then hears 421; the others hear it at once; nobody new
    is served."""
    with Sink(workers=2) as sink:
        held = []
        for text in (HELLO, HELLO + b"MAIL FROM:<a@b.example>\r\n",
                     HELLO + b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"):
            s = sink.connect()
            s.sendall(text)
            with s.makefile("rb") as f:
                for _ in range(1 + text.count(b"\r\n")):
                    read_reply(f)
            held.append(s)
        if how == "drain":
            control = socket.socket(socket.AF_UNIX)
            control.connect(sink.control)
            control.sendall(b"drain\n")
        else:
            sink.process.send_signal(how)
        idle = read_all(held[0])
        if not idle.startswith(b"421 4.3.2"):
            return f"idle: {idle}"
        if not wait_for(lambda: not serves_new(sink), 5):
            return "somebody new is served"
        held[1].sendall(b"RSET\r\n")
        reset = finals(read_all(held[1]))
        held[2].sendall(b"x\r\n.\r\n")
        last = finals(read_all(held[2]))
        status = sink.process.wait(LIMIT)
        for s in held:
            s.close()
        if how == "drain":
            answer = control.recv(65536)
            control.close()
            if b'"messages":1' not in answer:
                return f"{answer}"
    codes_of = [[line[:3] for line in got] for got in (reset, last)]
    return None if codes_of == [[b"250", b"421"]] * 2 and status == 0 else f"{codes_of} {status}"


def drain_ends():
    """Who does not finish is reset when the time is over."""
    with Sink("--drain", "1") as sink, sink.connect() as s:
        s.sendall(HELLO + b"MAIL FROM:<a@b.example>\r\n")
        with s.makefile("rb") as f:
            for _ in range(3):
                read_reply(f)
        start = time.monotonic()
        sink.process.send_signal(signal.SIGQUIT)
        gone = is_reset(s)
        took = time.monotonic() - start
        status = sink.process.wait(LIMIT)
    return None if gone and 0.8 < took < 4 and status == 0 else f"{gone} {took:.1f} s {status}"


def self_test():
    p = subprocess.run([PROGRAM, "--self-test", "-q"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=60, check=False)
    lines = p.stdout.decode().splitlines()
    good = p.returncode == 0 and sum("us of CPU a message" in line for line in lines) == 3
    return None if good else f"status {p.returncode}: {lines}"


def may_raise():
    with open("/proc/self/status", encoding="ascii") as f:
        effective = [int(line.split()[1], 16) for line in f if line.startswith("CapEff:")][0]
    return bool(effective >> 24 & 1)  # CAP_SYS_RESOURCE


def files():
    """The limit of open files is raised: to the hard one, and beyond it by who may."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = 512 if may_raise() else before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with Sink() as sink, open(f"/proc/{sink.workers()[0]}/limits", encoding="ascii") as f:
            line = [l.split() for l in f if l.startswith("Max open files")][0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    want = FILES if may_raise() else hard
    return None if int(line[3]) == int(line[4]) == want else f"{line}, not {want}"


def holds(worker):
    """How many of its files are sockets."""
    fds = f"/proc/{worker}/fd"
    return sum(os.readlink(f"{fds}/{fd}").startswith("socket:") for fd in os.listdir(fds))


def reserve():
    """Workers beyond the processors are started once another holds an eighth of what it may, and none
    holds more than it may; one that died is back in its place."""
    cpus, most = os.cpu_count(), 160
    with Sink("--max-connections", str(most), workers=cpus + 2) as sink:
        first = sink.workers()
        idle = holds(first[0])
        held = [sink.connect() for _ in range(most // 8)]
        greeted = [s.recv(4) for s in held]
        if len(first) != cpus or sink.workers() != first:
            return f"{len(sink.workers())} workers are there before they are needed"
        for _ in range(most // 8 * cpus):
            held.append(sink.connect())
            greeted.append(held[-1].recv(4))
        if not wait_for(lambda: len(sink.workers()) == cpus + 2, 5):
            return "those in reserve are not started"
        killed = max(sink.workers())
        os.kill(killed, signal.SIGKILL)
        if not wait_for(lambda: len(sink.workers()) == cpus + 2 and killed not in sink.workers(), 5):
            return "the one that was killed is not replaced"
        workers = sink.workers()
        for _ in range(most * cpus - len(held)):
            held.append(sink.connect())
            greeted.append(held[-1].recv(4))
        took = [holds(w) - idle for w in workers]
        for s in held:
            s.close()
    if set(greeted) != {b"220 "}:
        return f"{len(greeted) - greeted.count(b'220 ')} were turned away"
    return None if min(took) > 0 and max(took) <= most else f"{took} of {len(held)}"


def run(tap):
    tap.run("operation: workers in reserve", reserve)
    tap.run("operation: the limit of open files is raised", files)
    for test in (metrics, latencies, live, drain_ends, self_test):
        tap.run(f"operation: {test.__name__.replace('_', ' ')}", test)
    for how in ("drain", signal.SIGQUIT):
        tap.run(f"operation: graceful stop by {how}", drain, how)
