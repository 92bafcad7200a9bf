"""What the sink says in JSON is what contrib/schema says of it."""
import json
import os

from capture import Folder
from policy import HELLO, Policy, mail
from sinktest import Sink, talk, wait_for
from tls import lab, secure, tell, trusting

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "contrib", "schema")
CONTROL = ["ping", "policy", "policy show", "policy reload", "pause", "resume", "faults off", "faults on",
           "set bounces bounce 50", "policy show", "unset all", "set nobody bounce 5", "seed 7", "seed x", "reset",
           "policy off", "policy show", "nonsense"]


def validator(name):
    import jsonschema
    with open(os.path.join(FOLDER, f"sink-{name}.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def wrong(name, objects):
    """The first error of any, or what is said of none."""
    check = validator(name)
    for o in objects:
        for error in check.iter_errors(o):
            return f"{json.dumps(o)}: {error.message}"
    return None if objects else "nothing to look at"


def traffic(sink, options):
    """Accepted, refused and deferred, in clear and by TLS; content that is no UTF-8, no sender."""
    for to in (b"x@d.example", b"x@bounce.example", b"x@refuse.example", b"x@defer.example"):
        talk(sink, [HELLO, mail(to), b"QUIT\r\n"])
    talk(sink, [HELLO, b"MAIL FROM:<>\r\nRCPT TO:<x@d.example>\r\nDATA\r\n", b"\xff\r\n.\r\n"])
    tell(secure(sink, trusting(options), "mx.d.example"), HELLO + mail(b"x@d.example") + b"QUIT\r\n")


def logs():
    policy = os.path.join(os.path.dirname(__file__), "shown.toml")
    ca, options = lab()
    with ca, Folder() as d:
        with Sink("--policy", policy, *options, "--capture", "jsonl:" + d.at("m"), "--capture-content",
                  "--log-connections", d.at("c")) as sink:
            traffic(sink, options)
            sink.quiet()
            found = wait_for(lambda: len(d.lines("c")) == 6 and len(d.lines("m")) == 5)
            accounts = [sink.ask("stats"), sink.ask("stats all")]
        if not found:
            return f"{len(d.lines('c'))} connections, {len(d.lines('m'))} messages"
        return wrong("message", d.lines("m")) or wrong("connection", d.lines("c")) or wrong("stats", accounts)


def lmtp():
    with Folder() as d:
        with Sink("--lmtp", "--capture", "jsonl:" + d.at("m")) as sink:
            talk(sink, [HELLO.replace(b"EHLO", b"LHLO"), mail(b"x@d.example"), b"QUIT\r\n"])
            wait_for(lambda: d.lines("m"))
        return wrong("message", d.lines("m"))


def control():
    with open(os.path.join(os.path.dirname(__file__), "shown.toml"), encoding="utf-8") as f:
        text = f.read()
    with Policy(text) as p, Sink("--policy", p.path) as sink:
        return wrong("control", [sink.ask(command) for command in CONTROL])


def tells():
    """The schemas do not hold for anything."""
    with Sink() as sink:
        account = sink.stats()
    del account["messages"]
    good = [wrong("stats", [account]), wrong("stats", [dict(account, messages=-1)]), wrong("control", [{"pong": "a", "pid": 1}])]
    return None if all(good) else f"{good}"


def run(tap):
    for test in (logs, lmtp, control, tells):
        tap.run(f"schemas: {test.__name__}", test)
