"""Replays the *.smtp scripts: in turn, at once, and split at every byte boundary.

C: a line the client sends (with CRLF)      C- the same without CRLF
S: how the last line of the next reply begins
N: counter value ...: how the counters grew
O: options of the sink; without it, the one all others share
In C lines \\r \\n \\0 \\\\ \\xNN are octets, and \\{text*N} is text N times."""
import glob
import os
import re
import socket

from sinktest import Sink, finals, read_all, read_reply, talk

ESCAPE = re.compile(rb"\\(?:\{(.+?)\*(\d+)\}|x([0-9a-f]{2})|(.))")
PLAIN = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"\\": b"\\"}


def unescape(m):
    text, times, octet, plain = m.groups()
    if text:
        return text * int(times)
    return bytes([int(octet, 16)]) if octet else PLAIN[plain]


def load(path):
    """[(kind, octets)], {counter: growth}, [option]"""
    steps, counters, options = [], {}, []
    with open(path, "rb") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip(b"\n")
            if not line or line.startswith(b"#"):
                continue
            mark, text = line[:2], line[3:]
            if mark == b"N:":
                words = text.decode().split()
                counters.update(zip(words[::2], map(int, words[1::2])))
            elif mark == b"O:":
                options += text.decode().split()
            elif mark in (b"C:", b"C-"):
                steps.append(("C", ESCAPE.sub(unescape, text) + (b"\r\n" if mark == b"C:" else b"")))
            elif mark == b"S:":
                steps.append(("S", text))
            else:
                raise ValueError(f"{path}:{number}: {line!r}")
    return steps, counters, options


def differs(want, got):
    for i, text in enumerate(want):
        if i >= len(got):
            return f"reply {i + 1} is missing: {text!r}"
        if not got[i].startswith(text):
            return f"reply {i + 1} should be {text!r}, is {got[i]!r}"
    return f"{got[len(want)]!r} is too much" if len(got) > len(want) else None


def in_turn(sink, steps, counters):
    before = sink.stats()
    with sink.connect() as s, s.makefile("rb") as f:
        for kind, text in steps:
            if kind == "C":
                s.sendall(text)
                continue
            reply = read_reply(f)
            if not reply or not reply[-1].startswith(text):
                return f"should be {text!r}, is {reply!r}"
        s.shutdown(socket.SHUT_WR)
        rest = read_all(s)
    if rest:
        return f"too much: {rest!r}"
    after = sink.stats()
    grown = {name: after[name] - before[name] for name in counters}
    return None if grown == counters else f"counters should grow by {counters}, grew by {grown}"


def at_once(sink, steps, cut=None):
    sent = b"".join(text for kind, text in steps if kind == "C")
    want = [text for kind, text in steps if kind == "S"]
    pieces = [sent] if cut is None else [sent[:cut], sent[cut:]]
    return differs(want, finals(talk(sink, pieces, 0.0003)))


def every_cut(sink, steps):
    n = sum(len(text) for kind, text in steps if kind == "C")
    # Long scripts: the cuts around every line end, and each 37th elsewhere.
    sent = b"".join(text for kind, text in steps if kind == "C")
    for cut in range(1, n):
        if n > 3000 and cut % 37 and b"\n" not in sent[max(0, cut - 3):cut + 3]:
            continue
        why = at_once(sink, steps, cut)
        if why:
            return f"cut at {cut} of {n}: {why}"
    return None


def run(tap, sink):
    for path in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "*.smtp"))):
        name = os.path.basename(path)[:-5]
        steps, counters, options = load(path)
        if not options:
            replay(tap, sink, name, steps, counters)
            continue
        with Sink(*options) as own:
            replay(tap, own, name, steps, counters)


def replay(tap, sink, name, steps, counters):
    tap.run(f"{name}: in turn", in_turn, sink, steps, counters)
    tap.run(f"{name}: pipelined", at_once, sink, steps)
    tap.run(f"{name}: split at every byte", every_cut, sink, steps)
