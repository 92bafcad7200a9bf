"""What the SMTP tests share: a sink of their own, TAP, and sockets with time limits."""
import json
import os
import select
import socket
import subprocess
import tempfile
import time

BUILD = os.environ.get("BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build"))
PROGRAM = os.environ.get("KR_SINK", os.path.join(BUILD, "kumo-sink"))
LIMIT = 20


class Tap:
    def __init__(self):
        self.n = self.bad = 0

    def check(self, good, name, why=""):
        self.n += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}", flush=True)
        if not good and why:
            print("".join(f"# {line}\n" for line in str(why).splitlines()), end="", flush=True)

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)

    def run(self, name, test, *args):
        """test() returns None when all is well, else what is not; an exception is a failure."""
        try:
            why = test(*args)
        except Exception as e:  # pylint: disable=broad-except
            why = f"{type(e).__name__}: {e}"
        self.check(why is None, name, why)

    def done(self):
        print(f"1..{self.n}", flush=True)
        return 1 if self.bad else 0


def sanitized():
    """Built with AddressSanitizer: its memory figures say nothing."""
    with open(PROGRAM, "rb") as f:
        return b"__asan_init" in f.read()


def wait_for(condition, limit=LIMIT):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sink:
    """A sink on 127.0.0.1 and ::1, with a control socket; ended with the `with` block."""

    def __init__(self, *options, workers=1, listen=True, port=None, env=None):
        self.dir = tempfile.TemporaryDirectory(prefix="kr-smtp-")
        self.control = os.path.join(self.dir.name, "control")
        self.port = port or free_port()
        self.log = open(os.path.join(self.dir.name, "log"), "w+b")
        ready, writer = os.pipe()
        args = [PROGRAM, "--control", self.control, "--ready-fd", str(writer), "--nonce", "c0ffee",
                "--workers", str(workers)]
        if listen:
            args += ["--listen", f"127.0.0.1:{self.port}", "--listen", f"[::1]:{self.port}"]
        self.process = subprocess.Popen(args + list(options), pass_fds=[writer], stderr=self.log,
                                        stdout=self.log, env=env)
        os.close(writer)
        got = b""
        while len(got) < 6 and select.select([ready], [], [], LIMIT)[0]:
            more = os.read(ready, 6)
            if not more:
                break
            got += more
        os.close(ready)
        if got != b"READY\n":
            self.process.kill()
            raise RuntimeError("the sink does not start: " + self.said())

    def said(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return f.read()

    def connect(self, host="127.0.0.1"):
        s = socket.create_connection((host, self.port), timeout=LIMIT)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(self.control)
            s.sendall(command.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    break
                answer += more
        return json.loads(answer)

    def stats(self):
        return self.ask("stats")

    def workers(self):
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
                             stdout=subprocess.PIPE, check=False).stdout
        return [int(w) for w in out.split()]

    def files(self):
        return sum(len(os.listdir(f"/proc/{w}/fd")) for w in self.workers())

    def quiet(self):
        """No connection is open; says whether that came true."""
        return wait_for(lambda: self.stats()["open"] == 0)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(LIMIT)
        self.log.close()
        self.dir.cleanup()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()


def read_all(s):
    """Everything up to the end of the connection."""
    got = b""
    while True:
        more = s.recv(65536)
        if not more:
            return got
        got += more


def read_reply(f):
    """The lines of one reply, from a file object; [] at the end of the connection."""
    lines = []
    while True:
        line = f.readline()
        if not line:
            return lines
        lines.append(line)
        if line[3:4] != b"-":
            return lines


def finals(data):
    """The last line of each reply."""
    return [line for line in data.split(b"\r\n") if line[3:4] == b" "]


def talk(sink, pieces, pause=0.0):
    """Sends the pieces, closes the sending side, returns what came back."""
    with sink.connect() as s:
        for i, piece in enumerate(pieces):
            if i and pause:
                time.sleep(pause)
            s.sendall(piece)
        s.shutdown(socket.SHUT_WR)
        return read_all(s)
