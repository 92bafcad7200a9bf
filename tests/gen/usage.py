"""The command line: traffic-gen's, in both spellings, and what is refused."""
import random
import re

from gentest import command, differs, generate
from sinktest import Sink

# Lines that work for traffic-gen; None stands where a value follows the option in a word of its own.
LINES = [
    ["--concurrency", "4"],
    ["--message-count", "30"],
    ["--duration", "600"],
    ["--body-size", "60kb"],
    ["--body-size", "100k"],
    ["--body-size", "2048"],
    ["--domain", "gmail.com"],
    ["--domain", "gmail.com:67.4"],
    ["--domain", "bellsouth.net:.2"],
    ["--domain-suffix", "mx-sink.wezfurlong.org"],
    ["--domain-suffix", "lab.example"],
    ["--throttle", "5000/s"],
    ["--throttle", "1_000_000/hr"],
    ["--throttle", "60,000/min"],
    ["--throttle", "local:100000/minute"],
    ["--header", "X-Campaign: spring: 1"],
    ["--keep-going"],
    ["--starttls"],
]
DOCUMENTED = """--domain aol.com:1.5 --domain bellsouth.net:.2 --domain comcast.net:.5 --domain gmail.com:67.4
    --domain hotmail.com:8.8 --domain icloud.com:1.2 --domain live.com:.3 --domain me.com:.2
    --domain msn.com:.5 --domain orange.fr:.4 --domain outlook.com:1.2 --domain sbcglobal.net:.3
    --domain yahoo.com:5.9 --keep-going --concurrency 400 --body-size 60kb --duration 1500""".split()

WRONG = [
    (["--concurrency", "0"], "--concurrency '0'"),
    (["--concurrency", "many"], "'many'"),
    (["--message-count", "-1"], "'-1'"),
    (["--body-size", "60xb"], "'60xb'"),
    (["--body-size", ""], "''"),
    (["--body-size", "1e6"], "'1e6'"),
    (["--body-size", "2000gb"], "'2000gb'"),
    (["--throttle", "100"], "'100'"),
    (["--throttle", "0/s"], "'0/s'"),
    (["--throttle", "1/fortnight"], "'1/fortnight'"),
    (["--domain", "a b"], "'a b'"),
    (["--domain", "a.example:0"], "'a.example:0'"),
    (["--domain", "a.example:x"], "'a.example:x'"),
    (["--domain", "x@y.example"], "'x@y.example'"),
    (["--domain", "a..example"], "'a..example'"),
    (["--domain", "a.example>\r\nDATA"], "no domain name"),
    (["--domain-suffix", "."], "'.'"),
    (["--domain-suffix", " "], "' '"),
    (["--domain-suffix", ".example"], "'.example'"),
    (["--header", "no colon"], "'no colon'"),
    (["--header", "X: a\r\n\r\nb"], "control character"),
    (["--target", "127.0.0.1"], "'127.0.0.1'"),
    (["--target", "::1:25"], "'::1:25'"),
    (["--target", "127.0.0.1:0"], "'127.0.0.1:0'"),
    (["--target", "127.0.0.1:99999"], "'127.0.0.1:99999'"),
    (["--arrivals", "poisson"], "--throttle"),
    (["--open-loop"], "--throttle"),
    (["--arrivals", "sudden", "--throttle", "1/s"], "'sudden'"),
    (["--arrivals", "spike:1,1,2", "--throttle", "1/s"], "spike"),
    (["--arrivals", "spike:3,1", "--throttle", "1/s"], "spike"),
    (["--arrivals", "steady:1", "--throttle", "1/s"], "'steady:1'"),
    (["--source", "nowhere"], "nowhere"),
    (["--seed", "x"], "'x'"),
    (["--compat", "smtp-source"], "'smtp-source'"),
    (["--format", "xml"], "'xml'"),
    (["--body-file", "/nonexistent/x"], "/nonexistent/x"),
    (["--mail-file", "/nonexistent/x"], "/nonexistent/x"),
    (["--body-file", "a", "--mail-file", "b"], "column body"),
    (["--concurency", "3"], "did you mean --concurrency"),
    (["--concurrency"], "needs a value"),
    (["--keep-going=yes"], "takes no value"),
    (["target"], "'target'"),
    (["--http"], "'--http': kumo-gen injects by SMTP only"),
    (["--http-batch-size", "10"], "by SMTP only"),
    (["--http-defer-spool"], "by SMTP only"),
    (["--domain", "a.example", "--http-defer-generation"], "by SMTP only"),
    (["--http-batch-size=10"], "by SMTP only"),
]


def wrong():
    for words, said in WRONG:
        status, out, err = command(*words)
        if status != 2 or said not in err or out or "\n" in err.replace("\r\n", "")[:-1]:
            return f"{words}: status {status}, said {err!r}, {out!r}"
    return None


def spelled(random_of, rows):
    words = []
    for row in rows:
        words += ["=".join(row)] if len(row) == 2 and random_of.random() < 0.5 else row
    return words


def lines():
    """Any choice of traffic-gen's options, in any order and spelling, sends what it says."""
    r = random.Random(25)
    with Sink() as sink:
        for _ in range(60):
            rows = r.sample(LINES, r.randrange(1, 8))
            count = next((int(x[1]) for x in rows if x[0] == "--message-count"), None)
            rows += [] if count else [["--message-count", "20"]]
            words = spelled(r, rows)
            before = sink.stats()
            status, account, err = generate(sink.port, *words)
            got = sink.stats()["messages"] - before["messages"]
            if status or got != (count or 20) or account["messages"]["accepted"] != got:
                return f"{words}: status {status}, {got} messages: {err}"
    return None


def documented():
    """The line of KumoMTA's performance page, as it stands there; only its time is cut short."""
    with Sink(workers=2) as sink:
        status, account, err = generate(sink.port, *DOCUMENTED, "--message-count", 3000)
        return differs((status, account["messages"]["accepted"], sink.stats()["messages"],
                        account["clients"]["started"], err), (0, 3000, 3000, 400, ""))


def unchanged():
    """traffic-gen's own target is the default; nobody is there, and that is said."""
    status, _, err = command("--message-count", "1", "--duration", "1", "--concurrency", "1")
    return None if status == 1 and "127.0.0.1:2025" in err and "refused" in err else f"{status} {err}"


def compat():
    with Sink() as sink:
        args = ["--target", f"127.0.0.1:{sink.port}", "--compat", "traffic-gen", "--message-count", 2000]
        status, out, err = command(*args)
        told = re.search(r"All clients finished\nsent 2,000 messages, failed 0 over [0-9.]+(s|ms)\.\n"
                         r"transaction latency: avg=\S+ min=\S+ max=\S+ p50=\S+ p75=\S+ p90=\S+ p95=\S+ "
                         r"p99=\S+ p99.9=\S+ \noverall rate: [0-9,]+ msgs/s, [0-9,]+ msgs/minute, "
                         r"[0-9,]+ msgs/hour\n$", out)
        if status or not told:
            return f"status {status}: {out} {err}"
    status, out, err = command(*args[:1], "127.0.0.1:1", *args[2:])
    good = status == 0 and re.search(r"^sent 0 messages, failed 0 over ", out, re.M)
    return None if good else f"nobody there: status {status}: {out} {err}"


def each_second():
    """A rate line each second, as traffic-gen prints it, terminal or not."""
    with Sink() as sink:
        _, out, _ = command("--target", f"127.0.0.1:{sink.port}", "--compat", "traffic-gen", "--duration", 3,
                            "--throttle", "100/s")
    n = len(re.findall(r"\r\x1b\[Kcurrent rate: [0-9,]+ msgs/s, [0-9,]+ msgs/minute, [0-9,]+ msgs/hour "
                       r"\(sent=[0-9,]+, clients=[0-9,]+\)", out))
    return None if n >= 2 and "\nDeadline reached, stopping\n" in out else f"{n} lines: {out!r}"


def informed():
    for words, said in ((["--help"], "--domain-suffix"), (["-h"], "Usage: kumo-gen"), (["-V"], "kumo-gen ")):
        status, out, err = command(*words)
        if status or said not in out or err:
            return f"{words}: {status} {out} {err}"
    return None


def run(tap):
    for test in (informed, wrong, lines, documented, unchanged, compat, each_second):
        tap.run(f"usage: {test.__name__.replace('_', ' ')}", test)
