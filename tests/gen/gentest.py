"""What the tests of kumo-gen share: a run of it, and a peer that does what a script says."""
import concurrent.futures
import json
import os
import socket
import subprocess
import threading

from sinktest import BUILD, LIMIT

GEN = os.environ.get("KR_GEN", os.path.join(BUILD, "kumo-gen"))


def command(*options):
    """Runs it; status, what it said on standard output, on standard error."""
    p = subprocess.run([GEN, *map(str, options)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120, check=False)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def generate(port, *options):
    """A run against 127.0.0.1, with its account."""
    status, out, err = command("--target", f"127.0.0.1:{port}", "--format", "json", "--live", "never",
                               *options)
    if not out:
        raise RuntimeError(f"status {status}, no account: {err}")
    return status, json.loads(out), err


def differs(got, wanted):
    """None, or what is not as wanted."""
    return None if got == wanted else f"got {got}, wanted {wanted}"


def together(test, cases):
    """The first failure of test(case), all of them at the same time: most of it is waiting."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return next((f"{c}: {why}" for c, why in zip(cases, pool.map(test, cases)) if why), None)


def sums_up(account):
    m = account["messages"]
    parts = ("accepted", "refused", "deferred", "unanswered", "unfinished")
    return m["offered"] == sum(m[p] for p in parts)


class Wire:
    """A connection as a file: reading is buffered, writing is not."""

    def __init__(self, s):
        self.socket, self.file = s, s.makefile("rb")
        self.readline, self.read, self.write = self.file.readline, self.file.read1, s.sendall


class Peer:
    """A server that calls `serve(self, file, socket, n)` for its connection number n, in a thread.
    What it raises, but for connections that end, is a failure of the test."""

    def __init__(self, serve):
        self.serve, self.failures, self.connections = serve, [], 0
        self.lock, self.messages, self.threads = threading.Lock(), [], []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        self.running = True
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while self.running:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            s.settimeout(LIMIT)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            n, self.connections = self.connections, self.connections + 1
            t = threading.Thread(target=self.one, args=(s, n), daemon=True)
            self.threads.append(t)
            t.start()

    def one(self, s, n):
        try:
            with s:
                self.serve(self, Wire(s), s, n)
        except (ConnectionError, EOFError, TimeoutError):
            pass
        except Exception as e:  # pylint: disable=broad-except
            self.failures.append(f"{type(e).__name__}: {e}")

    def took(self, *message):
        with self.lock:
            self.messages.append(message)

    def stop(self):
        """No new connections, and the old ones stay."""
        self.running = False
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running:
            self.stop()
        for t in self.threads:
            t.join(LIMIT)


def line_of(f):
    """A line without its CRLF."""
    line = f.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    assert line.endswith(b"\r\n"), line
    return line[:-2]


def say(f, *lines):
    f.write(b"".join(line.encode() + b"\r\n" for line in lines))


def greet(f, *offers):
    say(f, "220 peer ESMTP")
    hello = line_of(f)
    assert hello.startswith(b"EHLO "), hello
    lines = ["peer", *offers]
    say(f, *[f"250{'-' if i + 1 < len(lines) else ' '}{x}" for i, x in enumerate(lines)])
    return hello[5:].decode()


def content_of(f):
    """The lines up to the dot, unstuffed."""
    lines = []
    while True:
        line = line_of(f)
        if line == b".":
            return lines
        lines.append(line[1:] if line.startswith(b".") else line)


def converse(peer, f, answer=lambda verb, line: None, offers=()):
    """An SMTP server; answer() may say something else than it would."""
    greet(f, *offers)
    talk(peer, f, answer)


def talk(peer, f, answer=lambda verb, line: None):
    envelope = []
    while True:
        line = line_of(f).decode()
        verb = line.split()[0].upper()
        own = answer(verb, line)
        if verb == "QUIT":
            say(f, own or "221 bye")
            return
        if verb == "DATA":
            say(f, own or ("354 go on" if envelope[1:] else "503 no recipient"))
            if own and not own.startswith("354"):
                continue
            lines = content_of(f)
            reply = answer("DOT", "") or ("250 ok" if envelope[1:] else "554 nobody")
            if reply.startswith("2"):
                peer.took(envelope, lines)
            say(f, reply)
            envelope = []
            continue
        reply = own or "250 ok"
        if verb in ("MAIL", "RCPT") and reply.startswith("2"):
            envelope.append(line)
        if verb == "RSET":
            envelope = []
        say(f, reply)
        if reply.startswith("421"):
            return
