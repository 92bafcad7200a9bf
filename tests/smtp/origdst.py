"""The half of origdst.sh that runs in the namespace."""
import socket
import sys

from sinktest import LIMIT, Sink, Tap, read_reply

MAIL = [b"EHLO me\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n", b"DATA\r\n"]


def meet(host, port, messages):
    with socket.create_connection((host, port), timeout=LIMIT) as s, s.makefile("rb") as f:
        greeting = read_reply(f)[0].decode().rstrip()
        for _ in range(messages):
            for line in MAIL + [b"x\r\n.\r\n"]:
                s.sendall(line)
                if read_reply(f)[-1][:3] not in (b"250", b"354"):
                    return f"{line!r} was refused"
        s.sendall(b"QUIT\r\n")
        read_reply(f)
    return greeting


# Where to, how many messages, whom the greeting names, whether as redirected.
ROWS = [("203.0.113.5", 25, 2, "203.0.113.5", True), ("203.0.113.6", 25, 0, "203.0.113.6", True),
        ("203.0.113.5", 25, 1, "203.0.113.5", True),
        ("2001:db8:f00::25", 25, 3, "IPv6:2001:db8:f00::25", True),
        ("198.18.25.77", 25, 1, "198.18.25.77", True),
        ("198.18.25.9", 2026, 1, "198.18.25.9", False),
        ("2001:2:0:25::7", 2026, 1, "IPv6:2001:2:0:25::7", False)]
WANT = {"203.0.113.5": (2, 3), "203.0.113.6": (1, 0), "198.18.25.77": (1, 1),
        "2001:db8:f00::25": (1, 3)}
COUNTERS = {"connections": 7, "redirected_v4": 4, "redirected_v6": 1, "not_redirected": 2,
            "refused_local": 2, "messages": 9}


def refused(host):
    """By RST, which may come before connect() returns."""
    try:
        with socket.create_connection((host, 2026), timeout=LIMIT) as s:
            s.recv(100)
    except ConnectionResetError:
        return True
    return False


tap = Tap()
with Sink("--range", "198.18.25.0/24", "--range", "2001:2:0:25::/64", listen=False,
          workers=2) as sink:
    for host, port, messages, name, redirected in ROWS:
        want = f"220 [{name}] ESMTP kumo-sink c0ffee" + ("" if redirected else " not-redirected")
        got = meet(host, port, messages)
        tap.check(got == want, f"{host} port {port} is greeted as {name}", got)
    for host in ("192.0.2.2", "2001:db8:1::2"):
        tap.check(refused(host), f"{host}, outside of the range, is turned away")
    sink.quiet()
    stats = sink.stats()
    tables = {a: (n["connections"], n["messages"]) for a, n in stats["destinations"].items()}
    tap.check(tables == WANT, "each destination has its connections and messages", tables)
    counters = {name: stats[name] for name in COUNTERS}
    tap.check(counters == COUNTERS, "the counters add up", counters)
sys.exit(tap.done())
