"""The account: its schema, its texts, signals, the live line, and what is refused for safety."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from gentest import GEN, Peer, command, converse, differs, generate, sums_up
from sinktest import Sink, wait_for

SCHEMA = os.path.join(os.path.dirname(__file__), "..", "..", "contrib", "schema", "gen.schema.json")


def schema():
    import jsonschema
    with open(SCHEMA, encoding="utf-8") as f:
        s = json.load(f)
    jsonschema.Draft202012Validator.check_schema(s)
    with Sink("--tls", "self-signed") as sink:
        for options in (("--message-count", 50), ("--message-count", 50, "--starttls"),
                        ("--throttle", "100/s", "--open-loop", "--message-count", 20)):
            jsonschema.validate(generate(sink.port, *options)[1], s)
    jsonschema.validate(generate(1, "--duration", 1)[1], s)
    return None


def text():
    with Sink() as sink:
        status, out, err = command("--target", f"127.0.0.1:{sink.port}", "--message-count", 2000, "--seed", 7)
    wanted = [r"sent 2,000 messages, failed 0 over [0-9.]+ s$", r"^  messages +2,000 offered, 2,000 accepted$",
              r"^  rate +[0-9.]+ messages/s, [0-9.]+ million/hour$", r"^  latency +mean .* p99.9 .* max ",
              r"^  cost +[0-9.]+ us of CPU a message", r"^  seed +7$"]
    missing = [w for w in wanted if not re.search(w, out, re.M)]
    return None if status == 0 and not missing and not err else f"{missing} {out} {err}"


def interrupted():
    """SIGINT ends the run as the end of its time does: what is under way is finished, the rest told."""
    with Sink() as sink:
        p = subprocess.Popen([GEN, "--target", f"127.0.0.1:{sink.port}", "--format", "json", "--concurrency", "20"],
                             stdout=subprocess.PIPE)
        good = wait_for(lambda: sink.stats()["messages"] > 100)
        p.send_signal(signal.SIGINT)
        account = json.loads(p.communicate(timeout=20)[0])
        sink.quiet()
        stats = sink.stats()
    got = (good, p.returncode, account["interrupted"], account["messages"]["accepted"], sums_up(account))
    return differs(got, (True, 1, True, stats["messages"], True))


def interrupted_twice():
    """A second signal does not wait for a server that says nothing."""
    def serve(peer, f, _, n):
        converse(peer, f, lambda verb, line: time.sleep(3) if verb == "DOT" else None)
    with Peer(serve) as peer:
        p = subprocess.Popen([GEN, "--target", f"127.0.0.1:{peer.port}", "--format", "json", "--concurrency", "2",
                              "--drain", "100"], stdout=subprocess.PIPE)
        wait_for(lambda: peer.connections == 2)
        began = time.monotonic()
        p.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        p.send_signal(signal.SIGTERM)
        account = json.loads(p.communicate(timeout=20)[0])
        took = time.monotonic() - began
    return None if p.returncode == 1 and sums_up(account) and took < 2 else f"{p.returncode} {took} {account}"


def killed_master():
    """Workers do not outlive the master."""
    with Sink() as sink:
        p = subprocess.Popen([GEN, "--target", f"127.0.0.1:{sink.port}", "--workers", "3", "--concurrency", "6"],
                             stdout=subprocess.DEVNULL)
        wait_for(lambda: sink.stats()["messages"] > 10)
        p.kill()
        p.wait(20)
        return None if sink.quiet() else "connections stay open"


def live_line():
    """On a terminal a line each second, gone at the end; nothing of it in the account."""
    master, slave = pty.openpty()
    with Sink() as sink:
        p = subprocess.Popen([GEN, "--target", f"127.0.0.1:{sink.port}", "--duration", "2", "--throttle", "100/s"],
                             stdout=subprocess.PIPE, stderr=slave)
        os.close(slave)
        out = p.communicate(timeout=30)[0].decode()
    said = b""
    while select.select([master], [], [], 0.2)[0]:
        try:
            said += os.read(master, 65536)
        except OSError:
            break
    os.close(master)
    line = re.search(rb"\r\x1b\[K[0-9,]+ messages/s  sent [0-9,]+  failed 0  clients [0-9]+  p50 ", said)
    return None if line and said.endswith(b"\r\x1b[K") and "\x1b" not in out else f"{said} {out}"


REFUSED = [
    (["--domain-suffix", "", "--target", "127.0.0.1:2025"], "addressed to real people"),
    (["--domain-suffix=", "--target", "[::1]:2025"], "addressed to real people"),
    (["--domain-suffix", "", "--target", "203.0.113.5:25"], "addressed to real people"),
    (["--target", "203.0.113.5:25"], "a mail server of others"),
    (["--target", "[2001:db8:f00::25]:25"], "a mail server of others"),
]


def refused():
    """Without evidence: nothing is sent, not even a connection made."""
    with Peer(lambda p, f, s, n: None) as peer:
        for words, said in REFUSED:
            words = [w.replace(":2025", f":{peer.port}") for w in words]
            status, out, err = command(*words)
            if status != 1 or said not in err or "--i-know" not in err or out:
                return f"{words}: {status} {err!r} {out!r}"
        return differs(peer.connections, 0)


def i_know():
    with Sink() as sink:
        status, account, _ = generate(sink.port, "--domain-suffix", "", "--i-know", "--message-count", 10)
    return differs((status, account["messages"]["accepted"]), (0, 10))


def named_target():
    with Sink() as sink:
        status, out, err = command("--target", f"localhost:{sink.port}", "--message-count", 10, "--format", "json")
    if status or json.loads(out)["messages"]["accepted"] != 10:
        return f"{status} {err}"
    status, _, err = command("--target", "no-such-host.invalid:2025")
    return None if status == 3 and "no-such-host.invalid" in err else f"{status} {err}"


def run(tap):
    for test in (schema, text, interrupted, interrupted_twice, killed_master, live_line, refused, i_know,
                 named_target):
        tap.run(f"account: {test.__name__.replace('_', ' ')}", test)
