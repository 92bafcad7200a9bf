"""Servers that die, stall, send garbage, say 421, offer TLS badly: every message is accounted for."""
import ssl
import tempfile
import threading
import subprocess
import os

from gentest import Peer, Wire, command, content_of, converse, differs, generate, greet, line_of, say, sums_up, talk, together
from sinktest import Sink, wait_for

PIPE = ("PIPELINING",)


def counts(account, *names):
    return tuple(account["messages"][n] for n in names)


def dies_before():
    """Connections that end in the middle of the content: nothing is lost, nothing comes twice."""
    def serve(peer, f, _, n):
        if n % 2 == 0:
            greet(f, *PIPE)
            while line_of(f) != b"DATA":
                pass
            say(f, "250 ok", "250 ok", "354 go")
            line_of(f)
            return
        converse(peer, f, offers=PIPE)
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--message-count", 12, "--concurrency", 4, "--body-size",
                                      "8mb", "--messages-per-connection", 2)
    got = (status, len(peer.messages), len({tuple(e) for e, _ in peer.messages}),
           account["messages"]["accepted"], account["tried_again"]["connection_lost"] > 0, peer.failures)
    return differs(got, (0, 12, 12, 12, True, []))


def dies_behind():
    """Connections that end behind the dot: such a message may have been taken, and is not sent again."""
    def serve(peer, f, _, n):
        if n >= 3:
            converse(peer, f)
            return
        greet(f)
        for reply in ("250 ok", "250 ok", "354 go"):
            line_of(f)
            say(f, reply)
        content_of(f)
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--message-count", 20, "--concurrency", 1)
    got = (status, len(peer.messages)) + counts(account, "offered", "accepted", "unanswered", "unfinished")
    return differs(got, (1, 17, 20, 17, 3, 0)) or (None if sums_up(account) else f"{account}")


def dies_for_good():
    """The listener goes and connections are reset: the clients end, all is accounted for."""
    def serve(peer, f, s, n):
        def answer(verb, _):
            if verb == "DOT" and len(peer.messages) > 50 and peer.running:
                peer.stop()
            if not peer.running:
                s.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of 0: a reset
                raise EOFError
        converse(peer, f, answer)
    with Peer(serve) as peer:
        status, account, err = generate(peer.port, "--concurrency", 5, "--duration", 30)
    done = account["clients"]["ended_by_failure"]
    if status != 1 or done != 5 or not sums_up(account) or account["seconds"] > 20 or "no session" not in err:
        return f"status {status}, {account}, {err}"
    m = account["messages"]
    return None if m["accepted"] <= len(peer.messages) <= m["accepted"] + m["unanswered"] else f"{m}"


def comes_back():
    """With --keep-going a target that is away for a while is tried again."""
    first = []

    def serve(peer, f, _, n):
        converse(peer, f)
    with Peer(serve) as peer:
        port = peer.port
        peer.stop()

        def later():
            import socket
            wait_for(lambda: bool(first))
            with socket.create_server(("127.0.0.1", port)) as s:
                peer.running, peer.socket = True, s
                peer.accept()
        threading.Timer(0.5, first.append, [1]).start()
        threading.Thread(target=later, daemon=True).start()
        status, account, _ = generate(port, "--keep-going", "--message-count", 30, "--concurrency", 3)
        peer.running = False
    got = (status, account["messages"]["accepted"], account["connections"]["failed"] > 2)
    return differs(got, (0, 30, True))


def stalls(case):
    """A server that says nothing any more: the time-out ends it."""
    where, wanted = case
    hold = threading.Event()

    def serve(peer, f, s, n):
        def answer(verb, _):
            if verb == where:
                hold.wait(30)
                raise EOFError
        if where == "CONNECT":
            hold.wait(30)
            return
        converse(peer, f, answer)
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--concurrency", 3, "--timeout", 1, "--duration", 2, "--drain", 0)
        hold.set()
    m = account["messages"]
    good = status == 1 and sums_up(account) and m["accepted"] == 0 and account["connections"]["timed_out"] >= 3
    return None if good and (m["unanswered"] > 0) == wanted else f"{status} {m} {account['connections']}"


GARBAGE = [b"hello\r\n", b"\r\n", b"2500 ok\r\n", b"25 ok\r\n", b"999 ok\r\n", b"250-a\r\n251 b\r\n", b"\0" * 100 + b"\n",
           b"x" * 100000, b"220\xff\r\n", b"150 ok\r\n"]


def garbage(at):
    def one(text):
        def serve(peer, f, _, n):
            def answer(verb, _):
                if verb == at:
                    f.write(text)
                    raise EOFError
            if at == "CONNECT":
                f.write(text)
                return
            converse(peer, f, answer)
        with Peer(serve) as peer:
            status, account, _ = generate(peer.port, "--concurrency", 2, "--duration", 1, "--drain", 0,
                                          "--message-count", 4)
        m = account["messages"]
        if status != 1 or m["accepted"] or not account["connections"]["garbage"] or not sums_up(account):
            return f"{status} {m} {account['connections']}"
        return f"{peer.failures}" if peer.failures else None
    return together(one, GARBAGE)


def strange_replies():
    """Replies of many lines, a code alone, lower case, 251, pieces of one octet."""
    def serve(peer, f, _, n):
        def answer(verb, _):
            return {"MAIL": "250-a\r\n250-b\r\n250 c", "RCPT": "251", "DATA": "354", "DOT": "250-" + "x" * 400 +
                    "\r\n250 done"}.get(verb)

        class Slow:
            readline = f.readline

            @staticmethod
            def write(data):
                for i in range(len(data)):
                    f.write(data[i:i + 1])
        converse(peer, Slow, answer, offers=("pipelining", "size 1000"))
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--message-count", 40, "--concurrency", 2)
    return differs((status, len(peer.messages), account["connections"]["pipelined"], peer.failures), (0, 40, 2, []))


def refuses_sessions():
    for greeting, hello in (("554 no", None), ("421 busy", None), ("220 hi", "502 what"), ("220 hi", "421 no")):
        def serve(peer, f, _, n):
            say(f, greeting)
            line_of(f)
            if hello:
                say(f, hello)
                line_of(f)
        with Peer(serve) as peer:
            status, account, err = generate(peer.port, "--concurrency", 3, "--duration", 10)
        got = (status, account["connections"]["greeting_refused"], account["messages"]["offered"],
               account["clients"]["ended_by_failure"], account["seconds"] < 8)
        if got != (1, 3, 0, 3, True) or (hello or greeting) not in err:
            return f"{greeting} {hello}: {got} {err}"
    return None


def busy_while_idle():
    """A server that ends idle connections: they are opened again, and no message is lost."""
    def serve(peer, f, s, n):
        greet(f)
        try:
            s.settimeout(0.2)
            talk(peer, f)
        except TimeoutError:
            say(f, "421 idle")
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--throttle", "10/s", "--concurrency", 20, "--message-count", 20)
    got = (status, len(peer.messages), counts(account, "accepted", "unanswered"), peer.connections > 20,
           account["tried_again"])
    return differs(got[:4], (0, 20, (20, 0), True))


def answers_early():
    """552 before the end of the content; what is left of it is not taken for commands."""
    def serve(peer, f, _, n):
        greet(f, *PIPE)
        while line_of(f) != b"DATA":
            pass
        say(f, "250 ok", "250 ok", "354 go")
        line_of(f)
        say(f, "552 too much")
        try:
            while f.read(65536):
                pass
        except OSError:
            pass
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--keep-going", "--message-count", 6, "--concurrency", 2,
                                      "--body-size", "30mb")
    got = (status, counts(account, "offered", "refused", "accepted"), account["replies"]["dot"])
    return differs(got, (1, (6, 6, 0), {"552": 6}))


def nobody_left():
    """A server that answers 354 although every recipient was refused gets an empty message."""
    seen = []

    def serve(peer, f, _, n):
        greet(f, *PIPE)
        while True:
            line = line_of(f)
            if line == b"QUIT":
                say(f, "221 bye")
                return
            if line == b"DATA":
                say(f, "354 go")
                seen.append(content_of(f))
                say(f, "554 nobody")
            else:
                say(f, "550 no" if line.startswith(b"RCPT") else "250 ok")
    with Peer(serve) as peer:
        status, account, _ = generate(peer.port, "--keep-going", "--message-count", 9, "--concurrency", 3)
    return differs((status, seen, account["replies"]["rcpt"], account["messages"]["refused"]),
                   (1, [[]] * 9, {"550": 9}, 9))


def starttls():
    for options in (("--message-count", 300), ("--message-count", 300, "--no-pipelining"),
                    ("--message-count", 30, "--body-size", "1mb"),
                    ("--message-count", 60, "--messages-per-connection", 1)):
        with Sink("--tls", "self-signed") as sink:
            status, account, err = generate(sink.port, "--starttls", *options)
            sink.quiet()
            stats = sink.stats()
        got = (status, stats["messages"], account["tls"]["sessions"], stats["tls_failed"], err)
        if got != (0, options[1], stats["tls_sessions"], 0, "") or stats["tls_sessions"] != stats["connections"]:
            return f"{options}: {got} {stats['connections']}"
    return None


def starttls_missing():
    """Not offered: in clear, as traffic-gen does it, and it is said."""
    with Sink() as sink:
        status, account, err = generate(sink.port, "--starttls", "--message-count", 20, "--concurrency", 2)
    got = (status, account["messages"]["accepted"], account["tls"], "goes in clear" in err)
    return differs(got, (0, 20, {"sessions": 0, "failed": 0, "not_offered": 2}, True))


def starttls_broken():
    """No handshake behind 220, text behind 220, a refusal: no session, and no message in clear."""
    for reply in (b"220 go\r\n" + b"nonsense" * 100, b"220 go\r\n250 injected\r\n", b"454 not now\r\n", b"220 go\r\n"):
        seen = []

        def serve(peer, f, s, n):
            greet(f, "STARTTLS", *PIPE)
            line_of(f)
            s.sendall(reply)
            if reply == b"220 go\r\n":
                return
            seen.append(f.read(65536))
        with Peer(serve) as peer:
            status, account, _ = generate(peer.port, "--starttls", "--message-count", 4, "--concurrency", 2)
        if status != 1 or account["messages"]["offered"] or any(b"MAIL" in x for x in seen):
            return f"{reply[:20]}: {status} {account} {seen}"
    return None


def certificate(d):
    key = os.path.join(d, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", key + ".crt", "-subj", "/CN=peer"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key + ".crt", key)
    return context


def starttls_then_dies():
    """Behind TLS too: what was not sent whole is sent again, what was not answered is told."""
    with tempfile.TemporaryDirectory() as d:
        context = certificate(d)

        def serve(peer, f, s, n):
            greet(f, "STARTTLS", *PIPE)
            line_of(f)
            say(f, "220 go")
            with context.wrap_socket(s, server_side=True) as t:
                g = Wire(t)
                hello = line_of(g)
                assert hello.startswith(b"EHLO")
                say(g, "250-peer", "250 PIPELINING")

                def answer(verb, _):
                    if n < 4 and verb == "DATA":
                        raise EOFError
                talk(peer, g, answer)
        with Peer(serve) as peer:
            status, account, _ = generate(peer.port, "--starttls", "--message-count", 40, "--concurrency", 4)
    got = (status, len(peer.messages), account["messages"]["accepted"], account["tried_again"]["connection_lost"] > 0)
    return differs(got, (0, 40, 40, True)) or (None if not peer.failures else f"{peer.failures}")


def sources():
    with Peer(lambda p, f, s, n: (p.took(s.getpeername()[0]), converse(p, f))) as peer:
        status, _, _ = generate(peer.port, "--source", "127.0.0.2", "--source=127.0.0.3", "--message-count", 40,
                                "--concurrency", 4, "--workers", 2)
    seen = {m[0] for m in peer.messages if len(m) == 1}
    status2, _, err = command("--target", f"127.0.0.1:{peer.port}", "--source", "192.0.2.1", "--duration", 1,
                              "--concurrency", 1)
    if status2 != 1 or "192.0.2.1" not in err and "Cannot assign" not in err:
        return f"{status2} {err}"
    return differs((status, seen), (0, {"127.0.0.2", "127.0.0.3"}))


def many_clients():
    """20,000 connections, as KumoMTA's documentation has it; 2,000 where that is too much."""
    import resource
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    n = 20000 if most > 30000 else 2000 if most > 4000 else 500
    with Sink(workers=2) as sink:
        status, account, err = generate(sink.port, "--concurrency", n, "--message-count", 2 * n, "--workers", 2,
                                        "--duration", 300)
        stats = sink.stats()
    got = (status, stats["messages"], account["messages"]["accepted"], err)
    return differs(got, (0, 2 * n, 2 * n, ""))


def run(tap):
    for test in (dies_before, dies_behind, dies_for_good, comes_back):
        tap.run(f"peers: {test.__name__.replace('_', ' ')}", test)
    tap.run("peers: stall", together, stalls, (("CONNECT", False), ("MAIL", False), ("RCPT", False), ("DATA", False),
                                               ("DOT", True)))
    for at in ("CONNECT", "MAIL", "DATA", "DOT"):
        tap.run(f"peers: garbage at {at}", garbage, at)
    for test in (strange_replies, refuses_sessions, busy_while_idle, answers_early, nobody_left, starttls,
                 starttls_missing, starttls_broken, starttls_then_dies, sources, many_clients):
        tap.run(f"peers: {test.__name__.replace('_', ' ')}", test)
