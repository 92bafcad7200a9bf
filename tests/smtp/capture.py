"""What is captured: mbox, Maildir and JSON lines; the log of connections; nothing of it in the way."""
import base64
import json
import mailbox
import os
import signal
import subprocess
import tempfile
import time

from policy import HELLO, Policy, mail
from sinktest import LIMIT, PROGRAM, Sink, finals, free_port, read_reply, sanitized, talk, wait_for

ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<e@d.example>\r\nDATA\r\n"
# Dots at the start of lines, alone in one, and of every kind that must not be taken for stuffing.
WIRE = (b"..\r\n...two\r\nFrom me\r\n>From you\r\n>>From all\r\nFrom\r\n x.\r\n..\r\na\n.b\r.c\r\n\r\n"
        b"Subject\r\n....\r\n\r\r\n..y\r\n")
CLEAR = (b".\r\n..two\r\nFrom me\r\n>From you\r\n>>From all\r\nFrom\r\n x.\r\n.\r\na\n.b\r.c\r\n\r\n"
         b"Subject\r\n...\r\n\r\r\n.y\r\n")


class Folder:
    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="kr-capture-")
        os.chmod(self.dir.name, 0o755)
        return self

    def at(self, name):
        return os.path.join(self.dir.name, name)

    def lines(self, name):
        with open(self.at(name), encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def read(self, name):
        with open(self.at(name), "rb") as f:
            return f.read()

    def __exit__(self, *_):
        self.dir.cleanup()


def unquoted(text):
    """An mboxrd body as it was: one > less before From_."""
    lines = text.split(b"\n")
    return b"\n".join(l[1:] if l.startswith(b">") and l.lstrip(b">").startswith(b"From ") else l for l in lines)


def formats():
    """The same message in every format, its dots unstuffed, cut at each octet; files are private."""
    with Folder() as d:
        options = ["--capture", "mbox:" + d.at("mbox"), "--capture", "maildir:" + d.at("box"), "--capture",
                   "jsonl:" + d.at("jsonl"), "--capture-content"]
        with Sink(*options) as sink:
            whole = HELLO + ENVELOPE + WIRE + b".\r\nQUIT\r\n"
            start = len(HELLO + ENVELOPE)
            cuts = range(start, start + len(WIRE) + 5)
            for at in cuts:
                with sink.connect() as s, s.makefile("rb") as f:
                    s.sendall(whole[:at])
                    for _ in range(6):
                        read_reply(f)
                    s.sendall(whole[at:])
                    if read_reply(f)[0][:3] != b"250":
                        return "not accepted"
            stats = sink.stats()
            if sink.end() != 0:
                return "the sink does not end well"
        n = len(cuts)
        rows = d.lines("jsonl")
        body = CLEAR.replace(b"\r\n", b"\n")
        boxes = os.listdir(d.at("box/new"))
        mails = d.read("mbox").split(b"\nFrom a@b.example ")
        modes = [os.stat(d.at(p)).st_mode & 0o777 for p in ("mbox", "jsonl", "box/new/" + boxes[0], "box/new")]
        if stats["captured"] != n or stats["capture_dropped"] or len(rows) != n or len(boxes) != n or len(mails) != n:
            return f"{n} sent: {stats['captured']} {len(rows)} {len(boxes)} {len(mails)}"
        for row in rows:
            if row["content"].encode() != CLEAR or row["size"] != len(CLEAR):
                return f"{row}"
        for name in boxes:
            head, _, got = d.read("box/new/" + name).partition(b"\n\tw")
            if got.partition(b"\n")[2] != body or head.count(b"Delivered-To: ") != 2:
                return f"{head} {got}"
        for m in mails:
            if unquoted(m).rstrip(b"\n").partition(b"\n\tw")[2].partition(b"\n")[2] != body.rstrip(b"\n"):
                return f"{m}"
        parsed = len(mailbox.mbox(d.at("mbox"))), len(mailbox.Maildir(d.at("box"), create=False))
        if parsed != (n, n) or os.listdir(d.at("box/tmp")):
            return f"{parsed} parsed, tmp holds {os.listdir(d.at('box/tmp'))}"
        return None if modes == [0o600, 0o600, 0o600, 0o700] else f"modes {modes}"


def decisions():
    """JSON lines have every message that was answered; mail files have what was accepted."""
    rules = '[[rule]]\nlocal = "no"\nstage = "dot"\ncode = 550\n[[rule]]\nlocal = "later"\nstage = "dot"\ncode = 451\n'
    with Folder() as d, Policy(rules) as p:
        with Sink("--policy", p.path, "--capture", "jsonl:" + d.at("j"), "--capture", "mbox:" + d.at("m"),
                  "--max-size", "1000") as sink:
            talk(sink, [HELLO, mail(b"yes@d.example", b""), mail(b"no@d.example"), mail(b"later@d.example"),
                        ENVELOPE + b"x" * 2000 + b"\r\n.\r\n", ENVELOPE + b"cut off"])
            port = sink.port
        rows = [(r["decision"], r["code"], r["recipients"], r["size"], "content" in r) for r in d.lines("j")]
        want = [("accepted", 250, ["yes@d.example"], 3, False), ("refused", 550, ["no@d.example"], 3, False),
                ("deferred", 451, ["later@d.example"], 3, False),
                ("refused", 552, ["c@d.example", "e@d.example"], 2002, False)]
        if rows != want:
            return f"{rows}"
        one = d.lines("j")[0]
        if one["hello"] != "me" or one["redirected"] or one["destination"] != "127.0.0.1" or one["sender"] != "":
            return f"{one}"
        got = d.read("m")
        return None if got.count(b"\nReturn-Path: <>\n") == 1 and got.startswith(b"From MAILER-DAEMON ") and \
            got.count(b"\nFrom ") == 0 and port else f"{got}"


def lmtp():
    with Folder() as d, Policy('[[rule]]\nlocal = "c"\nstage = "dot"\ncode = 550\n') as p:
        with Sink("--lmtp", "--policy", p.path, "--capture", "jsonl:" + d.at("j"), "--capture",
                  "mbox:" + d.at("m")) as sink:
            talk(sink, [b"LHLO me\r\n" + ENVELOPE + b"x\r\n.\r\n"])
        row, text = d.lines("j")[0], d.read("m")
        good = row["codes"] == [550, 250] and b"Delivered-To: e@" in text and b"Delivered-To: c@" not in text
        return None if good else f"{row} {text}"


def octets():
    """Content that is no UTF-8 comes as base64; so do chunks, which are taken as they are."""
    data = bytes(range(256)) * 40
    with Folder() as d:
        with Sink("--chunking", "--capture", "jsonl:" + d.at("j"), "--capture-content") as sink:
            got = talk(sink, [HELLO + ENVELOPE[:-6] + b"BDAT 10000\r\n" + data[:10000] +
                              b"BDAT 240 LAST\r\n" + data[10000:] + ENVELOPE + "grüß\0\r\n.\r\n".encode()])
        rows = d.lines("j")
        if len(rows) != 2 or rows[0]["encoding"] != "base64" or base64.b64decode(rows[0]["content"]) != data:
            return f"{got} {rows}"
        return None if rows[1]["encoding"] == "utf-8" and rows[1]["content"] == "grüß\0\r\n" else f"{rows[1]}"


def sampled():
    """A share of the messages, the same ones each time."""
    taken = []
    for _ in range(2):
        with Folder() as d:
            with Sink("--capture", "jsonl:" + d.at("j"), "--capture-sample", "25") as sink:
                talk(sink, [HELLO + b"".join(mail(b"%d@d.example" % i) for i in range(1000))])
            taken.append([r["recipients"][0] for r in d.lines("j")])
    good = taken[0] == taken[1] and 200 < len(taken[0]) < 300
    return None if good else f"{len(taken[0])} and {len(taken[1])} of 1000"


def full_queue():
    """A file nobody reads from stops the writer, and nobody else; what does not fit is counted and said."""
    with Folder() as d:
        os.mkfifo(d.at("pipe"))
        pipe = os.open(d.at("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        with Sink("--capture", "jsonl:" + d.at("pipe"), "--capture-content", "--capture-buffer", "1") as sink:
            body = b"y" * 70 + b"\r\n"
            for i in range(60):
                codes = [l[:3] for l in finals(talk(sink, [HELLO + ENVELOPE + body * 1000 + b".\r\n"]))]
                if codes[-1] != b"250":
                    return f"message {i}: {codes}"
            stats = sink.stats()
            if not wait_for(lambda: "the queue to the disk was full" in sink.said(), 5):
                return "nothing is said"
            os.set_blocking(pipe, True)
            sink.process.terminate()
            text = b""
            while True:
                more = os.read(pipe, 1 << 20)
                if not more:
                    break
                text += more
            os.close(pipe)
            status = sink.process.wait(LIMIT)
        rows = [json.loads(line) for line in text.splitlines()]
        good = stats["capture_dropped"] > 30 and len(rows) == stats["captured"] > 5 and status == 0
        good = good and stats["captured"] + stats["capture_dropped"] == 60 == stats["messages"]
        return None if good else f"{len(rows)} read, {stats['captured']} captured, {stats['capture_dropped']} dropped"


def too_large():
    """A message that is larger than the buffer is not captured, those around it are."""
    with Folder() as d:
        with Sink("--capture", "mbox:" + d.at("m"), "--capture-buffer", "1") as sink:
            body = b"y" * 998 + b"\r\n"
            talk(sink, [HELLO + mail(b"c@d.example"), ENVELOPE, body * 1100, b".\r\n" + mail(b"e@d.example")])
            stats = sink.stats()
        got = stats["captured"], stats["capture_dropped"], d.read("m").count(b"Return-Path")
        return None if got == (2, 1, 2) else f"{got}"


def full_disk():
    """What a full disk leaves of a message is taken back; the next one that fits is written whole."""
    with Folder() as d:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", d.dir.name], check=True)
        try:
            with Sink("--capture", "mbox:" + d.at("m"), "--capture", "maildir:" + d.at("b")) as sink:
                for lines in (100, 2000, 1):
                    talk(sink, [HELLO + ENVELOPE, b"z" * 70 + b"\r\n", (b"z" * 70 + b"\r\n") * lines, b".\r\n"])
                if not wait_for(lambda: sink.stats()["capture_failed"] == 2, 5):
                    return f"{sink.stats()['capture_failed']} failures are counted"
                if not wait_for(lambda: "is written again" in sink.said(), 5):
                    return sink.said()
            text, files = d.read("m"), os.listdir(d.at("b/new"))
            good = text.count(b"Return-Path") == 2 == text.count(b"From a@b") and len(files) == 2
            return None if good and not os.listdir(d.at("b/tmp")) else f"{len(files)} files, {len(text)} octets"
        finally:
            subprocess.run(["umount", d.dir.name], check=True)


def writer_dies():
    """The writer is replaced; nobody who sends mail notices."""
    with Folder() as d:
        with Sink("--capture", "jsonl:" + d.at("j")) as sink:
            talk(sink, [HELLO + mail(b"c@d.example")])
            wait_for(lambda: os.path.getsize(d.at("j")))
            os.kill(max(sink.workers()), signal.SIGKILL)
            wait_for(lambda: "the writer" in sink.said() or "writer" in sink.said())
            talk(sink, [HELLO + mail(b"e@d.example")])
            restarts = sink.stats()["worker_restarts"]
            wait_for(lambda: len(d.lines("j")) == 2)
        return None if len(d.lines("j")) == 2 and restarts == 1 else f"{restarts} {d.lines('j')} {sink.said()}"


def confined():
    """The writer too is nobody, without a capability, and behind a filter of system calls."""
    with Folder() as d:
        with Sink("--capture", "mbox:" + d.at("m")) as sink:
            pids = sink.workers()
            for pid in pids:
                with open(f"/proc/{pid}/status", encoding="ascii") as f:
                    s = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
                if "0" in s["Uid"].split() or s["CapEff"] != "0" * 16 or (s["Seccomp"] != "2" and not sanitized()):
                    return f"process {pid}: {s['Uid']} {s['CapEff']} {s['Seccomp']}"
            held = [os.readlink(f"/proc/{min(pids)}/fd/{fd}") for fd in os.listdir(f"/proc/{min(pids)}/fd")]
        return None if len(pids) == 2 and d.at("m") not in held else f"{pids} {held}"


def refusals():
    at = ["-l", f"127.0.0.1:{free_port()}"]
    with Folder() as d:
        os.mkdir(d.at("theirs"))
        os.symlink(d.at("x"), d.at("link"))
        rows = [(["--capture", "tar:x"], 2, "'tar:x'"), (["--capture", "mbox:"], 2, "'mbox:'"),
                (["--capture-sample", "101"], 2, "'101'"), (["--capture-sample", "x"], 2, "'x'"),
                (["--capture", "mbox:" + d.at("no/m")], 3, "no/m"), (["--capture", "jsonl:" + d.at("link")], 3, "link"),
                (["--capture", "maildir:" + d.at("link")], 3, "link"),
                (["--log-connections", d.at("theirs")], 3, "theirs")]
        if os.geteuid() == 0:
            os.mkdir(d.at("theirs/tmp"), 0o700)
            rows.append((["--capture", "maildir:" + d.at("theirs")], 3, "may not write"))
        for args, status, word in rows:
            p = subprocess.run([PROGRAM] + at + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT,
                               check=False)
            if p.returncode != status or word.encode() not in p.stdout:
                return f"{args}: status {p.returncode}, {p.stdout}"
    return None


def connections():
    """A line for each connection: who, to whom, what was said, how it ended."""
    rules = '[provider.p]\ndomains = "p.example"\n[[rule]]\nlocal = "no"\ncode = 550\n[[rule]]\nlocal = "drop"\nfault = "drop"\n'
    with Folder() as d, Policy(rules) as p:
        with Sink("--policy", p.path, "--log-connections", d.at("log"), "--idle", "greeting=1") as sink:
            talk(sink, [HELLO + mail(b"no@p.example"), mail(b"yes@p.example") + b"QUIT\r\n"])
            talk(sink, [b"EHLO gr\xfc\xdf\r\n" + ENVELOPE, b"a\nb\rc\r\n" + b"z" * 1200 + b"\r\n.\nNOOP\r\n.\r\n"])
            talk(sink, [HELLO + mail(b"drop@p.example")])
            with sink.connect() as s:
                s.recv(100)
                wait_for(lambda: sink.stats()["timeouts"] == 1)
            sink.quiet()
            stats = sink.stats()
        rows = d.lines("log")
        if [r["end"] for r in rows] != ["quit", "client", "fault", "timeout"] or stats["logged"] != 4:
            return f"{[r['end'] for r in rows]} {stats['logged']}"
        first, second = rows[0], rows[1]["counts"]
        want = {"messages": 1, "recipients": 1, "recipients_refused": 1, "not_redirected": 1}
        if any(first["counts"].get(k) != v for k, v in want.items()):
            return f"{first['counts']}"
        if first["providers"] != {"p": {"550": 1, "250": 1}} or first["replies"]["550"] != 1:
            return f"{first}"
        want = {"bare_lf": 2, "bare_cr": 1, "long_lines": 1, "would_smuggle": 1, "messages": 1, "recipients": 2}
        if any(second.get(k) != v for k, v in want.items()):
            return f"{second}"
        return None if rows[1]["hello"] == "gr\ufffd\ufffd" and rows[0]["duration_us"] > 0 else f"{rows[1]}"


def no_slower():
    """Who sends does not wait for a disk: answers come while the file takes nothing at all."""
    with Folder() as d:
        os.mkfifo(d.at("pipe"))
        pipe = os.open(d.at("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        with Sink("--log-connections", d.at("pipe")) as sink:
            start = time.monotonic()
            for _ in range(300):
                with sink.connect() as s, s.makefile("rb") as f:
                    s.sendall(b"QUIT\r\n")
                    read_reply(f)
            took = time.monotonic() - start
            stats = sink.stats()
            os.close(pipe)
        print(f"# 300 connections in {took:.2f} s beside a log that takes nothing")
        return None if stats["connections"] == 300 else f"{stats['connections']}"


def run(tap):
    for test in (formats, decisions, lmtp, octets, sampled, full_queue, too_large, writer_dies, confined, refusals,
                 connections, no_slower):
        tap.run(f"capture: {test.__name__.replace('_', ' ')}", test)
    if os.geteuid() == 0:
        tap.run("capture: full disk", full_disk)
    else:
        tap.skip("capture: full disk", "mounting wants root")
