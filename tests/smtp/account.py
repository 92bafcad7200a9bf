"""The account: what was said, and what became of messages and recipients, in sum and by provider."""
from policy import HELLO, Policy, mail
from sinktest import Sink, talk

RULES = """[provider.p]
domains = "p.example"
[[rule]]
local = "no"
code = 550
[[rule]]
local = "later"
code = 450
[[rule]]
local = "nodot"
stage = "dot"
code = 554
[[rule]]
local = "nodata"
stage = "data"
code = 451
"""


def envelope(*rcpts):
    return b"MAIL FROM:<a@b.example>\r\n" + b"".join(b"RCPT TO:<" + r + b">\r\n" for r in rcpts) + b"DATA\r\n"


def sums():
    """Each recipient comes to one thing: accepted, refused or deferred, at RCPT or with its message."""
    with Policy(RULES) as p, Sink("--policy", p.path, "--max-recipients", "100") as sink:
        talk(sink, [HELLO, envelope(b"x@p.example", b"no@p.example", b"later@p.example", b"y@d.example"),
                    b"hello\r\n.\r\n", envelope(b"nodot@p.example", b"z@p.example"), b"hello\r\n.\r\n",
                    envelope(b"nodata@p.example"), b"NOOP\r\n",
                    envelope(*[b"%d@d.example" % i for i in range(102)]), b"\r\n.\r\nQUIT\r\n"])
        stats = sink.stats()
    want = {"messages": 2, "messages_refused": 1, "messages_deferred": 0, "recipients": 102,
            "recipients_refused": 3, "recipients_deferred": 4, "rcpt_accepted": 105}
    got = {name: stats[name] for name in want}
    replies = {"220": 1, "250": 1 + 4 + 105 + 2 + 1, "354": 3, "550": 1, "450": 1, "554": 1, "451": 1, "452": 2,
               "221": 1}
    providers = {"p": {"accepted": 1, "messages": 1, "recipients": 1, "recipients_refused": 3, "messages_refused": 1,
                       "recipients_deferred": 2, "550": 1, "450": 1, "554": 1, "451": 1},
                 "other": {"accepted": 1, "messages": 1, "recipients": 101}}
    if got != want:
        return f"{got}, not {want}"
    if stats["replies"] != replies:
        return f"{stats['replies']}, not {replies}"
    return None if stats["providers"] == providers else f"{stats['providers']}, not {providers}"


def reports():
    """Recipients of messages from <> are counted once more, wherever they were refused."""
    with Policy(RULES) as p, Sink("--policy", p.path, "--max-recipients", "100") as sink:
        nobody = envelope(b"x@p.example", b"no@p.example", b"later@p.example").replace(b"<a@b.example>", b"<>", 1)
        talk(sink, [HELLO, nobody, b"hello\r\n.\r\n", mail(b"y@d.example"), envelope(b"no@p.example"), b"RSET\r\n",
                    envelope(b"nodot@p.example").replace(b"<a@b.example>", b"<>", 1), b"hello\r\n.\r\n",
                    envelope(b"nodata@p.example").replace(b"<a@b.example>", b"<>", 1), b"QUIT\r\n"])
        stats = sink.stats()
    want = {"recipients": 2, "recipients_refused": 3, "recipients_deferred": 2,
            "reports": 1, "reports_refused": 2, "reports_deferred": 2}
    got = {name: stats[name] for name in want}
    return None if got == want else f"{got}, not {want}"


def lmtp_sums():
    """With LMTP each recipient has an answer of its own; one that accepts makes a message accepted."""
    with Policy(RULES) as p, Sink("--policy", p.path, "--lmtp") as sink:
        talk(sink, [HELLO.replace(b"EHLO", b"LHLO"), mail(b"nodot@p.example") + mail(b"x@p.example"),
                    envelope(b"nodot@p.example", b"x@p.example"), b"hello\r\n.\r\n"])
        stats = sink.stats()
    want = {"messages": 2, "messages_refused": 1, "messages_deferred": 0, "recipients": 2, "recipients_refused": 2}
    got = {name: stats[name] for name in want}
    return None if got == want else f"{got}, not {want}"


def octets():
    """All that went over the wire, in both directions."""
    with Sink() as sink:
        said = b"EHLO me\r\n" + envelope(b"x@d.example") + b"hello\r\n.\r\nQUIT\r\n"
        heard = talk(sink, [said])
        sink.quiet()
        stats = sink.stats()
    got = stats["octets_in"], stats["octets_out"], stats["bytes"]
    return None if got == (len(said), len(heard), 7) else f"{got}: {len(said)} {len(heard)}"


def run(tap):
    for test in (sums, reports, lmtp_sums, octets):
        tap.run(f"account: {test.__name__.replace('_', ' ')}", test)
