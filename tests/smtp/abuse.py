"""Clients that misbehave. After each the sink must still serve, and must have lost no descriptor."""
import os
import random
import resource
import select
import socket
import struct
import subprocess
import time

from sinktest import BUILD, LIMIT, Sink, finals, read_all, read_reply, sanitized, talk, wait_for

STAGES = [b"EHLO me\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n", b"DATA\r\n",
          b"half a mess", b"age\r\n.\r\n", b"QUIT\r\n"]


def serves(sink):
    codes = [line[:3] for line in finals(talk(sink, [b"".join(STAGES)]))]
    want = b"220 250 250 250 354 250 221".split()
    return None if codes == want else f"the sink answers {codes}"


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def after(sink, files):
    """Served again, nothing open, no descriptor lost, no worker died."""
    why = serves(sink)
    if why:
        return why
    if not sink.quiet():
        return "connections stay open"
    if not wait_for(lambda: sink.files() == files, 5):
        return f"{files} descriptors before, {sink.files()} after"
    restarts = sink.stats()["worker_restarts"]
    return f"{restarts} workers died" if restarts else None


def resets(sink):
    for stage in range(len(STAGES) + 1):
        for _ in range(20):
            s = sink.connect()
            s.sendall(b"".join(STAGES[:stage]))
            reset(s)
    return None


def half_close(sink):
    for stage in range(1, len(STAGES) + 1):
        got = finals(talk(sink, STAGES[:stage]))
        replies = 1 + min(stage, 4) + (stage > 5) + (stage > 6)
        if len(got) != replies:
            return f"{stage} stages: {len(got)} replies, not {replies}: {got}"
    return None


def random_octets(sink):
    random.seed(20260225)
    data = bytes(random.getrandbits(8) for _ in range(1000000))
    with sink.connect() as s:
        s.setblocking(False)
        sent = 0
        end = time.monotonic() + LIMIT
        while sent < len(data) and time.monotonic() < end:
            r, w, _ = select.select([s], [s], [], 1)
            if r and not s.recv(65536):
                return f"closed after {sent} octets"
            if w:
                sent += s.send(data[sent:sent + 65536])
        s.setblocking(True)
        s.settimeout(LIMIT)
        s.sendall(b"\r\nQUIT\r\n")
        rest = read_all(s)
    return None if rest.endswith(b"221 2.0.0 Bye\r\n") else f"the end is {rest[-80:]!r}"


def nuls(sink):
    got = finals(talk(sink, [b"\0" * 100000, b"\r\nNOOP\r\n"]))
    codes = [line[:3] for line in got]
    return None if codes == [b"220", b"500", b"250"] else f"{codes}"


def never_reads(sink):
    """The sink stops reading such a client, takes no more memory for it, and answers when it reads."""
    lines, sent = 3000000, 0
    data = b"NOOP\r\n" * lines
    with sink.connect() as s:
        s.setblocking(False)
        while sent < len(data) and select.select([], [s], [], 0.5)[1]:
            sent += s.send(data[sent:sent + 65536])
        if sent == len(data):
            return "the sink took it all: it does not stop reading"
        rss = resident(sink)
        if rss > 40000 and not sanitized():
            return f"the worker uses {rss} KiB"
        if serves(sink):
            return "others are not served meanwhile"
        return drain(s, data, sent)


def drain(s, data, sent):
    got, end = 0, time.monotonic() + LIMIT
    want = data.count(b"\n") * len(b"250 2.0.0 Ok\r\n") + len("220 [127.0.0.1] ESMTP kumo-sink c0ffee not-redirected\r\n")
    while got < want and time.monotonic() < end:
        r, w, _ = select.select([s], [s] if sent < len(data) else [], [], 1)
        if r:
            more = len(s.recv(1 << 20))
            if not more:
                break
            got += more
        if w:
            sent += s.send(data[sent:sent + 65536])
    return None if got == want else f"{got} octets of {want} came back"


def resident(sink):
    with open(f"/proc/{sink.workers()[0]}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def early(sink):
    """Who talks before the greeting is counted: the sink is stopped until the command is there."""
    before, worker = sink.stats(), sink.workers()[0]
    os.kill(worker, 19)
    try:
        s = sink.connect()
        s.sendall(b"EHLO me\r\n")
    finally:
        os.kill(worker, 18)
    with s, s.makefile("rb") as f:
        replies = [read_reply(f)[-1][:3] for _ in range(2)]
    grown = sink.stats()["early_talkers"] - before["early_talkers"]
    return None if replies == [b"220", b"250"] and grown == 1 else f"{replies}, {grown} counted"


def gigabyte(sink):
    """A line of a gigabyte, as a command and in content: one refusal each, and no memory for it."""
    piece, talker = b"x" * (1 << 20), STAGES[0] + STAGES[1] + STAGES[2] + STAGES[3]
    before = sink.stats()
    with sink.connect() as s, s.makefile("rb") as f:
        for begin, end, want in ((b"", b"\r\nNOOP\r\n", (b"220", b"500", b"250")),
                                 (talker, b"\r\n.\r\n", (b"250", b"250", b"250", b"354", b"552"))):
            s.sendall(begin)
            for _ in range(1024):
                s.sendall(piece)
            rss = resident(sink)
            s.sendall(end)
            got = tuple(read_reply(f)[-1][:3] for _ in want)
            if got != want:
                return f"{got}"
            if rss > 40000 and not sanitized():
                return f"the worker uses {rss} KiB"
    after_it = sink.stats()
    grown = after_it["long_lines"] - before["long_lines"], after_it["messages_refused"] - before["messages_refused"]
    return None if grown == (1, 1) else f"{grown} long lines and refused messages are counted"


def octet_a_second(sink):
    """Commands and content that come an octet a second are understood like any others."""
    held = [sink.connect() for _ in range(100)]
    for s in held[50:]:
        s.sendall(b"".join(STAGES[:4]))
    for a, b in zip(b"NOOP\r\n", b"y\r\n.\r\n"):
        for i, s in enumerate(held):
            s.sendall(bytes([b if i >= 50 else a]))
        time.sleep(1)
    wrong = []
    for i, s in enumerate(held):
        with s, s.makefile("rb") as f:
            codes = [read_reply(f)[-1][:3] for _ in range(2 if i < 50 else 6)]
        if codes[-1] != b"250":
            wrong.append(codes)
    return f"{wrong[:3]}" if wrong else None


def no_utf8(sink):
    """Octets that are no UTF-8: refused in addresses, taken in content, harmless anywhere."""
    got = finals(talk(sink, [b"\xff\xfe\r\nEHLO \xc3\x28\r\nMAIL FROM:<\xff@b.example> SMTPUTF8\r\n"
                             b"MAIL FROM:<a@\xc0\xaf.example> SMTPUTF8\r\nMAIL FROM:<gr\xc3\xbc@b.example>\r\n"
                             b"MAIL FROM:<gr\xc3\xbc@b.example> SMTPUTF8\r\nRCPT TO:<\xed\xa0\x80@b.example>\r\n"
                             b"RCPT TO:<c@d.example>\r\nDATA\r\n", bytes(range(128, 256)), b"\r\n.\r\nQUIT\r\n"]))
    codes = b" ".join(line[:3] for line in got)
    return None if codes == b"220 500 250 501 501 553 250 501 250 354 250 221" else f"{codes}"


def size_lies(sink):
    """SIZE is a promise: too much of it is refused at once; a broken one harms nobody."""
    limit = 100 << 20
    talker = b"EHLO me\r\nMAIL FROM:<a@b.example> SIZE=%s\r\n"
    for size, want in ((b"%d" % limit, b"250"), (b"%d" % (limit + 1), b"552"), (b"99999999999999999999", b"552"),
                       (b"-1", b"501"), (b"1e3", b"501"), (b"", b"501"), (b"9" * 100, b"501")):
        code = finals(talk(sink, [talker % size]))[-1][:3]
        if code != want:
            return f"SIZE={size!r}: {code}"
    got = finals(talk(sink, [talker % b"1" + STAGES[2] + STAGES[3], b"y" * 5000 + b"\r\n.\r\nNOOP\r\n"]))
    return None if [l[:3] for l in got[-2:]] == [b"250", b"250"] else f"{got}"


def crowd(sink):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    n = min(5000, hard - 200)
    held = []
    try:
        base = resident(sink)
        held = [sink.connect() for _ in range(n)]
        if not wait_for(lambda: sink.stats()["open"] >= n):
            return f"{sink.stats()['open']} of {n} are open"
        each = (resident(sink) - base) * 1024 / n
        print(f"# {each:.0f} octets of memory for each of {n} idle connections")
        for s in held:
            s.sendall(b"NOOP\r\n")
        for s in held:
            with s.makefile("rb") as f:
                if read_reply(f)[0][:3] + read_reply(f)[0][:3] != b"220250":
                    return "one of them is not answered"
        return None if each < 600 or sanitized() else f"{each:.0f} octets for each connection"
    finally:
        for s in held:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def probe(sink, end, out):
    """A client that behaves: a command after the other until `end` is readable; milliseconds to `out`."""
    took, ended = [], False
    with sink.connect() as s, s.makefile("rb") as f:
        read_reply(f)
        out.write("ready\n")
        out.flush()
        while not ended:
            ended = select.select([end], [], [], 0.001)[0]
            start = time.monotonic()
            s.sendall(b"NOOP\r\n")
            if read_reply(f)[0][:3] != b"250":
                return
            took.append((time.monotonic() - start) * 1000)
    took.sort()
    out.write("%d %.2f %.2f %.2f" % (len(took), took[len(took) // 2], took[len(took) * 99 // 100], took[-1]))


def beside(test, sink, *args):
    """What a client of the same worker sees while a test goes on: it must be served all the time."""
    (ended, end), (result, out) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        try:
            with os.fdopen(out, "w", encoding="ascii") as f:
                probe(sink, ended, f)
        finally:
            os._exit(0)
    os.close(out)
    os.close(ended)
    with os.fdopen(result, encoding="ascii") as f:
        f.readline()
        try:
            why = test(sink, *args)
        finally:
            os.close(end)
            words = f.read().split()
            os.waitpid(child, 0)
    if not words:
        return why or "a client beside it was not served"
    print(f"# {test.__name__}: others meanwhile: {words[0]} commands, median {words[1]} ms, 99 % {words[2]} ms, "
          f"longest {words[3]} ms", flush=True)
    return why


def run(tap, sink):
    serves(sink)
    sink.quiet()
    files = sink.files()
    for test in (resets, half_close, random_octets, nuls, never_reads, early, gigabyte, octet_a_second, no_utf8,
                 size_lies, crowd):
        name = test.__name__.replace("_", " ")
        tap.run(f"abuse: {name}", beside, test, sink)
        tap.run(f"abuse: served as before after {name}", after, sink, files)


def idle():
    """421, then the end, and the time-out is counted; also while content is being sent."""
    with Sink("--idle", "1") as sink:
        with sink.connect() as s, sink.connect() as t:
            t.sendall(b"".join(STAGES[:5]))
            start = time.monotonic()
            a, b = read_all(s), read_all(t)
            took = time.monotonic() - start
        if not a.endswith(b"421 4.4.2 Idle for too long\r\n") or b"\r\n421 " not in b:
            return f"{a!r} {b!r}"
        if not sink.quiet() or sink.stats()["timeouts"] != 2:
            return f"{sink.stats()['timeouts']} time-outs are counted"
    return None if 0.8 < took < 5 else f"it took {took:.1f} s"


def stages():
    """Each stage has a time-out of its own: the one that is short ends the wait, no other does."""
    at = {"greeting": STAGES[:0], "command": STAGES[:1], "data-init": STAGES[:4], "data": STAGES[:5],
          "after-data": STAGES[:6]}
    for short in at:
        with Sink("--idle", "60", "--idle", f"{short}=1") as sink:
            held = {name: sink.connect() for name in at}
            for name, pieces in at.items():
                held[name].sendall(b"".join(pieces))
            got = read_all(held[short])
            others = [s for name, s in held.items() if name != short]
            early = select.select(others, [], [], 0)[0]
            ended = [s for s in early if b"421" in s.recv(65536)]
            stats = sink.stats()
            for s in held.values():
                s.close()
        if not got.endswith(b"421 4.4.2 Idle for too long\r\n") or ended or stats["timeouts"] != 1:
            return f"{short}: {got[-60:]!r}, {len(ended)} others ended, {stats['timeouts']} counted"
    return None


def unread():
    """Who does not read what was said to it is closed after the time for that, and no other."""
    with Sink("--idle", "60", "--idle", "reply=1") as sink, sink.connect() as s, sink.connect() as t:
        t.sendall(b"EHLO me\r\n")
        s.setblocking(False)
        while select.select([], [s], [], 0.5)[1]:
            try:
                s.send(b"NOOP\r\n" * 10000)
            except OSError:
                break
        if not wait_for(lambda: sink.stats()["open"] == 1, 5):
            return "it stays open"
        timeouts = sink.stats()["timeouts"]
    return None if timeouts == 1 else f"{timeouts} time-outs are counted"


def lingers():
    """After 221 the client closes first; one that does not is closed after 2 s, not sooner."""
    with Sink() as sink:
        with sink.connect() as s, s.makefile("rb") as f:
            s.sendall(b"QUIT\r\n")
            read_reply(f)
            if read_reply(f)[0][:3] != b"221":
                return "no 221"
            start = time.monotonic()
            rest = s.recv(1)
            took = time.monotonic() - start
    return None if rest == b"" and 1.5 < took < 5 else f"{rest!r} after {took:.1f} s"


def too_many():
    with Sink("--max-connections", "3") as sink:
        held = [sink.connect() for _ in range(3)]
        if not wait_for(lambda: sink.stats()["open"] == 3):
            return "three are not open"
        with sink.connect() as s:
            got = read_all(s)
        for s in held:
            s.close()
        busy = sink.stats()["refused_busy"]
        return None if got[:3] == b"421" and busy == 1 and not serves(sink) else f"{got!r} {busy}"


def bdat_lies():
    """A chunk takes exactly what it says: less than that is waited for, more is a command."""
    with Sink("--chunking") as sink:
        head = b"EHLO me\r\n" + STAGES[1] + STAGES[2]
        for data, want in ((b"BDAT 5 LAST\r\n1234567890\r\nNOOP\r\n", b"250 500 250"), (b"BDAT 10\r\n12345", b""),
                           (b"BDAT -5\r\n", b"501"), (b"BDAT 5 LAST x\r\n", b"501"), (b"BDAT\r\n", b"501"),
                           (b"BDAT 99999999999999999999999\r\n", b"501"), (b"BDAT 18446744073709551615\r\nxyz", b""),
                           (b"BDAT 3\r\nabcDATA\r\n", b"250 503"), (b"BDAT 0 LAST\r\nNOOP\r\n", b"250 250")):
            got = b" ".join(line[:3] for line in finals(talk(sink, [head, data]))[4:])
            if got != want:
                return f"{data!r}: {got}"
        stats = sink.stats()
        why = serves(sink)
    return why or (None if stats["messages_cut"] == 3 else f"{stats['messages_cut']} were cut off")


def multitude(sink):
    """50,000 at once, each greeted, none lost, and gone again when they go."""
    tool = os.path.join(BUILD, "tests", "tools", "hold")
    p = subprocess.Popen([tool, str(sink.port), "50000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        greeted, failed, took = p.stdout.readline().split()
        here = sink.stats()["open"]
        print(f"# 50,000 connections: {int(greeted)} greeted in {int(took)} ms, {int(failed)} failed", flush=True)
    finally:
        p.stdin.close()
        p.wait(60)
    if int(failed) or here < 50000:
        return f"{int(failed)} failed, {here} were open"
    return None if wait_for(lambda: sink.stats()["open"] <= 1, 30) else f"{sink.stats()['open']} stay open"


def crowded():
    with open("/proc/sys/net/core/somaxconn", "w", encoding="ascii") as f:
        f.write("65535")
    with Sink(workers=4) as sink:
        return beside(multitude, sink) or serves(sink)


def run_own(tap):
    if os.geteuid() == 0 and os.environ.get("KR_SMTP_INSIDE"):
        tap.run("limits: 50,000 connections", crowded)
    else:
        tap.skip("limits: 50,000 connections", "not in a network namespace of its own")
    for test in (bdat_lies, idle, stages, unread, lingers, too_many):
        tap.run(f"limits: {test.__name__.replace('_', ' ')}", test)
