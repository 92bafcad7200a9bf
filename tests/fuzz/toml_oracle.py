#!/usr/bin/env python3
"""Compares our TOML reader with Python's tomllib, over the cases of the unit test and mutations.

usage: toml_oracle.py DUMPER [ROUNDS [SEED]]    DUMPER is BUILD/tests/unit/base/toml_dump
       toml_oracle.py --corpus FOLDER           writes each case as a file, for the fuzzer

Known differences, each checked by excuse(): tomllib has no second 60 and no year 0, cuts fractions
of a second after six digits, refuses a byte order mark, has integers of any size, and no limit of
nesting but Python's own.
"""

import datetime
import math
import os
import random
import re
import subprocess
import sys
import tomllib

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../unit/base/toml")


def unescape(text):
    """{{hh}} is a byte; {{eof}} ends the document there, without a line feed."""
    data = b""
    for part in re.split(r"(\{\{(?:[0-9a-f]{2}|eof)\}\})", text):
        if part == "{{eof}}":
            return data
        data += bytes.fromhex(part[2:4]) if re.fullmatch(r"\{\{..\}\}", part) else part.encode()
    return data


def cases(name):
    with open(os.path.join(CASES, name), encoding="utf-8", newline="\n") as f:
        text = f.read()
    for case in re.split(r"(?m)^== ", text)[1:]:
        title, body = case.split("\n", 1)
        body, expected = re.split(r"(?m)^-- ", body + "-- ", maxsplit=2)[:2]
        yield title, body, expected.rstrip("\n")


def quoted(s):
    return '"%s"' % re.sub(r'[\x00-\x1f\x7f"\\]', lambda m: "\\u%04x" % ord(m[0]), s)


def dump(v):
    if isinstance(v, bool):
        return "bool:" + str(v).lower()
    if isinstance(v, int):
        return "int:%d" % v
    if isinstance(v, float):
        return "float:nan" if math.isnan(v) else "float:%.17g" % v
    if isinstance(v, str):
        return "str:" + quoted(v)
    if isinstance(v, list):
        return "[%s]" % ",".join(map(dump, v))
    if isinstance(v, dict):
        return "{%s}" % ",".join(quoted(k) + "=" + dump(x) for k, x in v.items())
    return "time:" + time_text(v.isoformat())


def time_text(s):
    """One spelling of a date-time: no zeros behind a fraction, Z for a zero offset, six digits."""
    m = re.fullmatch(r"(.*?\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", s)
    if not m:
        return s
    fraction = (m[2] or "")[:6].rstrip("0")
    offset = "Z" if m[3] in ("+00:00", "-00:00") else m[3] or ""
    return m[1] + ("." + fraction if fraction else "") + offset


def same_times(dumped):
    return re.sub(r"(?<=time:)[0-9T:.Z+-]+", lambda m: time_text(m[0]), dumped)


def other(data):
    """tomllib's reading, or None, and why."""
    try:
        return dump(tomllib.loads(data.decode("utf-8"))), ""
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, ValueError) as e:
        return None, "%s: %s" % (type(e).__name__, e)


def excuse(data, ours, theirs):
    if data.startswith(b"\xef\xbb\xbf"):
        return "byte order mark"
    if ours is None and theirs is not None and max(integers(theirs), default=0) >= 1 << 63:
        return "integer of any size"
    if ours is not None and theirs is None and re.search(r"time:[^,\]}]*:60", ours):
        return "second 60"
    if ours is not None and theirs is None and "time:0000-" in ours:
        return "year 0"
    return None


def integers(dumped):
    for m in re.finditer(r"int:(-?\d+)", dumped):
        v = int(m[1])
        yield v if v >= 0 else -v - 1


class Dumper:
    def __init__(self, path):
        self.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, data):
        self.p.stdin.write(b"%d\n%s" % (len(data), data))
        self.p.stdin.flush()
        answer = self.p.stdout.readline().decode("utf-8", "backslashreplace")
        if not answer:
            sys.exit("the dumper died of %r" % data)
        return (answer[3:-1], "") if answer.startswith("ok ") else (None, answer[3:-1])


BITS = [b"\n", b"\r\n", b"[a]\n", b"[[a]]\n", b"[a.b]\n", b"a.b = 1\n", b"a = {b = 1}\n", b'"', b"'",
        b'"""', b"'''", b"\\", b"\\u00e9", b"_", b".", b"e", b"+", b"-", b"0", b"9", b":", b"T", b"Z",
        b" ", b",", b"]", b"[", b"{", b"}", b"=", b"#", b"inf", b"0x", b"\xff", b"\xc3", b"\x00",
        b"1979-05-27", b"07:32:00", b"a = ", b"b = ", b"[b]\n", b"[[a.b]]\n", b"c.d = 2\n", b"true"]


def mutate(rnd, seeds):
    data = bytearray(rnd.choice(seeds))
    if rnd.random() < 0.3:
        lines = b"".join(rnd.choice(seeds) for _ in range(2)).splitlines(keepends=True)
        rnd.shuffle(lines)
        data = bytearray(b"".join(lines))
    for _ in range(rnd.choice((0, 1, 1, 1, 2, 3))):
        at, to = sorted((rnd.randrange(len(data) + 1), rnd.randrange(len(data) + 1)))
        kind = rnd.randrange(5)
        if kind == 0:
            del data[at:min(to, at + 4)]
        elif kind == 1:
            data[at:at] = rnd.choice(BITS)
        elif kind == 2 and at < len(data):
            data[at] = rnd.choice(b"0123456789abcdefTZ+-_.:\"'[]{}=,# \n\\")
        elif kind == 3:
            data[at:at] = data[at:to][:20]
        else:
            data[at:min(to, at + 3)] = rnd.choice(BITS)
    return bytes(data)


def compare(dumper, data, tally):
    (ours, why), (theirs, their_why) = dumper.read(data), other(data)
    if (ours is None) != (theirs is None) or (ours and same_times(ours) != theirs):
        reason = excuse(data, ours, theirs)
        if not reason:
            print("DIFFERS %r\n  ours:   %s\n  theirs: %s" % (data, ours or why, theirs or their_why))
        tally[reason or "DIFFERS"] = tally.get(reason or "DIFFERS", 0) + 1
    else:
        tally["both read" if ours else "both refuse"] = tally.get("both read" if ours else "both refuse", 0) + 1


def main(argv):
    if argv[1:2] == ["--corpus"]:
        os.makedirs(argv[2], exist_ok=True)
        for name in ("valid.txt", "invalid.txt"):
            for title, body, _ in cases(name):
                with open(os.path.join(argv[2], title + ".toml"), "wb") as f:
                    f.write(unescape(body))
        return 0
    if len(argv) < 2:
        sys.exit(__doc__)
    dumper, tally = Dumper(argv[1]), {}
    valid = [unescape(body) for _, body, _ in cases("valid.txt")]
    seeds = valid * 6 + [unescape(body) for _, body, _ in cases("invalid.txt")]
    rnd = random.Random(int(argv[3]) if len(argv) > 3 else 1)
    for data in seeds:
        compare(dumper, data, tally)
    for _ in range(int(argv[2]) if len(argv) > 2 else 20000):
        compare(dumper, mutate(rnd, seeds), tally)
    print(", ".join("%s %d" % kv for kv in sorted(tally.items())))
    return 1 if "DIFFERS" in tally else 0


sys.exit(main(sys.argv))
