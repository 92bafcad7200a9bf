"""What is sent: envelopes, headers, bodies; the mail file; weights; the seed."""
import email.utils
import os
import re
import tempfile
from collections import Counter

from gentest import Peer, command, converse, differs, generate

SUFFIX = "mx-sink.wezfurlong.org"
PIPE = ("PIPELINING", "8BITMIME")


def sent(*options, count=1, offers=PIPE):
    """(envelope, content) of each message, in the order of their envelopes."""
    with Peer(lambda p, f, s, n: converse(p, f, offers=offers)) as peer:
        status, account, err = generate(peer.port, "--message-count", count, *options)
    if status or peer.failures or len(peer.messages) != count or account["messages"]["accepted"] != count:
        raise RuntimeError(f"status {status}, {len(peer.messages)} messages, {peer.failures}, {err}")
    return sorted(peer.messages)


def headers_of(lines):
    end = lines.index(b"")
    return [tuple(x.decode().split(": ", 1)) for x in lines[:end]], lines[end + 1:]


def as_traffic_gen():
    for count, recipients in ((20, 1), (5, 3)):
        for envelope, lines in sent("--recipients", recipients, count=count):
            sender = re.fullmatch(r"MAIL FROM:<(noreply@\S+)>", envelope[0])[1]
            to = [re.fullmatch(r"RCPT TO:<(user-[0-9]+@\S+)>", x)[1] for x in envelope[1:]]
            if len(set(to)) != recipients:
                return f"{to}"
            for a in [sender, *to]:
                if not re.fullmatch(r"\S+@(aol|gmail|hotmail|yahoo)\.com\." + re.escape(SUFFIX), a):
                    return a
            end = lines.index(b"")
            head = dict(x.split(": ", 1) for x in b"\n".join(lines[:end]).decode().replace("\n ", " ").split("\n"))
            wanted = ["From", "To", "Subject", "Date", "Message-Id", "X-Mailer"]
            if list(head) != wanted or head["From"] != f"<{sender}>" or head["To"] != ", ".join(
                    f"<{x}>" for x in to):
                return f"{head}"
            if not re.fullmatch(r"<[0-9a-f]{32}@\S+>", head["Message-Id"]):
                return head["Message-Id"]
            if email.utils.parsedate_to_datetime(head["Date"]) is None or not head["Subject"].startswith("test "):
                return head["Date"]
            size = sum(len(x) + 2 for x in lines[end + 1:])
            if not 1024 <= size < 1024 + 20 or max(map(len, lines)) > 78 + len(SUFFIX):
                return f"{size} octets"
    return None


def same_headers():
    """With --compat: the headers of traffic-gen and no other."""
    with Peer(lambda p, f, s, n: converse(p, f)) as peer:
        command("--target", f"127.0.0.1:{peer.port}", "--compat", "traffic-gen", "--message-count", 3)
    for _, lines in peer.messages:
        names = [n for n, _ in headers_of(lines)[0]]
        values = dict(headers_of(lines)[0])
        if names != ["From", "To", "Subject", "Message-Id", "X-Mailer"] or values[
                "X-Mailer"] != "KumoMta traffic-gen" or not re.fullmatch("[0-9a-f]{32}", values["Message-Id"]):
            return f"{lines}"
    return differs(len(peer.messages), 3)


def own_headers():
    got = [headers_of(lines)[0] for _, lines in sent("--header", "X-Run: 7: a", "--header=Subject: mine", count=2)]
    for h in got:
        names = [n for n, _ in h]
        if h.count(("X-Run", "7: a")) != 1 or h.count(("Subject", "mine")) != 1 or names.count("Subject") != 1:
            return f"{h}"
    return None


def sizes():
    for option, size in (("1", 1), ("60kb", 60000), ("100k", 100000), ("64KiB", 65536), ("1.5mb", 1500000)):
        _, lines = sent("--body-size", option)[0]
        got = sum(len(x) + 2 for x in headers_of(lines)[1])
        if not size <= got <= size + 20:
            return f"{option}: {got}"
    return None


def body_file():
    """Line ends of any kind, dots, octets above 127, no last line end."""
    text = b"Subject: a\n\n.\n..two\r\n.x\nb\xc3\xa4r\r\n\r\nlast"
    wanted = [b"Subject: a", b"", b".", b"..two", b".x", b"b\xc3\xa4r", b"", b"last"]
    with tempfile.NamedTemporaryFile() as f:
        f.write(text)
        f.flush()
        for offers, said in ((PIPE, " BODY=8BITMIME"), (("PIPELINING",), ""), ((), "")):
            envelope, lines = sent("--body-file", f.name, offers=offers)[0]
            if lines != wanted or not envelope[0].endswith(f">{said}"):
                return f"{envelope} {lines}"
        _, lines = sent("--body-file", f.name, "--header", "X-A: b")[0]
        return differs(lines, [b"X-A: b"] + wanted)


ROWS = """recipient,Sender,weight,body
jo@gmail.com,news@shop.example,3,a.eml
"ann@yahoo.com",,1,
"""


def mail_file():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "mail.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\ufeff" + ROWS)
        with open(os.path.join(d, "a.eml"), "w", encoding="ascii") as f:
            f.write("Subject: from a file\n\nhello\n")
        got = sent("--mail-file", path, "--seed", 1, count=400)
    seen = Counter()
    for envelope, lines in got:
        to = envelope[1][9:-1]
        seen[to] += 1
        jo = to == f"jo@gmail.com.{SUFFIX}"
        if not jo and to != f"ann@yahoo.com.{SUFFIX}":
            return to
        if jo and (envelope[0] != f"MAIL FROM:<news@shop.example.{SUFFIX}>" or lines != [
                b"Subject: from a file", b"", b"hello"]):
            return f"{envelope} {lines}"
        if not jo and (not envelope[0].startswith("MAIL FROM:<noreply@") or lines[0][:5] != b"From:"):
            return f"{envelope} {lines}"
    return None if 240 < seen[f"jo@gmail.com.{SUFFIX}"] < 360 else f"{seen}"


BAD_FILES = [
    ("", "is empty"),
    ("sender\na@b.example\n", ":1: there is no column 'recipient'"),
    ("recipient,wieght\na@b.example,1\n", ":1: 'wieght' is none of the columns"),
    ("recipient,recipient\n", "twice"),
    ("recipient\n", "names no recipient"),
    ("recipient,weight\na@b.example\n", ":2: 1 values, but there are 2 columns"),
    ("recipient,weight\na@b.example,0\n", ":2: weight: '0'"),
    ("recipient\n\na@b.example\nnobody\n", ":4: recipient: 'nobody'"),
    ("recipient\na b@c.example\n", "'a b@c.example'"),
    ("recipient\na@b.example>x\n", "no mail address"),
    ("recipient\nä@b.example\n", "beyond ASCII"),
    ("recipient,body\na@b.example,none.eml\n", "none.eml"),
    ('recipient\n"a@b.example\n', ":2: a quote is opened here and never closed"),
    ('recipient\n"a@b.example"x\n', ":2: something stands between"),
    ('recipient\na"@b.example\n', ":2: a quote stands inside"),
]


def bad_files():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "mail.csv")
        for text, said in BAD_FILES:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            status, out, err = command("--mail-file", path, "--target", "127.0.0.1:1")
            if status != 2 or said not in err or path not in err or out:
                return f"{text!r}: {status} {err!r}"
    return None


def seeded():
    """The same messages, whatever the concurrency; others with another seed."""
    def run(seed, *options):
        return [e for e, _ in sent("--seed", seed, *options, count=60)]
    one = run(5, "--concurrency", 1)
    many = run(5, "--concurrency", 16, "--workers", 3, "--no-pipelining", "--messages-per-connection", 2)
    if one != many:
        return "another order of sending makes other messages"
    return "another seed makes the same messages" if run(6) == one else None


def weights():
    """Chi-square over 100,000 messages and the 13 documented domains; 34.5 is exceeded by chance once in
    2,000 runs, and the seed is fixed."""
    from usage import DOCUMENTED
    domains = dict(x.split(":") for x in DOCUMENTED[1:26:2])
    found = Counter()

    def count(_, f, s, n):
        converse_counting(f, found)
    with Peer(count) as peer:
        words = [w for d, x in domains.items() for w in ("--domain", f"{d}:{x}")]
        status, account, err = generate(peer.port, *words, "--message-count", 100000, "--seed", 13, "--body-size",
                                        1, "--concurrency", 8, "--duration", 600)
    if status or account["messages"]["accepted"] != 100000:
        return f"{status} {err} {account['messages']} {peer.failures}"
    total = sum(float(x) for x in domains.values())
    chi = 0
    for d, x in domains.items():
        wanted = 100000 * float(x) / total
        chi += (found[f"{d}.{SUFFIX}"] - wanted)**2 / wanted
    whole = sum(found.values()) == 100000 and len(found) == len(domains)
    return None if whole and chi < 34.5 else f"chi-square {chi:.1f}, {found}"


def converse_counting(f, found):
    """As fast as Python can: counts the domain of each recipient."""
    from gentest import greet
    greet(f, "PIPELINING")
    data, mail = b"", False
    local = Counter()
    sock = f
    while True:
        more = sock.read(65536)
        if not more:
            break
        data += more
        out = []
        while True:
            if mail:
                at = data.find(b"\r\n.\r\n")
                if at < 0:
                    break
                data, mail = data[at + 5:], False
                out.append(b"250 ok\r\n")
            else:
                at = data.find(b"\r\n")
                if at < 0:
                    break
                line, data = data[:at], data[at + 2:]
                mail = line == b"DATA"
                if line.startswith(b"RCPT"):
                    local[line.rsplit(b"@", 1)[1][:-1].decode()] += 1
                out.append(b"354 go\r\n" if mail else b"250 ok\r\n")
        sock.write(b"".join(out))
    for k, v in local.items():
        found[k] += v


def run(tap):
    for test in (as_traffic_gen, same_headers, own_headers, sizes, body_file, mail_file, bad_files, seeded,
                 weights):
        tap.run(f"content: {test.__name__.replace('_', ' ')}", test)
