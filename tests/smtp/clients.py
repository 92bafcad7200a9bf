"""Mail clients other people wrote: all deliver; what the policy refuses is what they say."""
import os
import shutil
import smtplib
import ssl
import subprocess
import tempfile
from email.message import EmailMessage

from policy import Policy
from sinktest import LIMIT, Sink


def message():
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = "a@b.example", "c@d.example, e@f.example", "grüße"
    m.set_content(".\n..\nText with ümlauts\n.\n" * 1000)
    return m


def python(sink):
    for host in ("127.0.0.1", "::1"):
        with smtplib.SMTP(host, sink.port, timeout=LIMIT) as c:
            for _ in range(3):
                c.send_message(message())
            c.verify("a@b.example")
    return None


def program(sink, args, stdin=None, status=0, says=""):
    """None when the program ends with the status, and says that."""
    args = [a.replace("PORT", str(sink.port)) for a in args]
    p = subprocess.run(args, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=LIMIT, check=False)
    if p.returncode == status and says in p.stdout.decode():
        return None
    return f"status {p.returncode}, not {status} and '{says}': {p.stdout.decode()}"


def counted(sink, messages, recipients, client, *args):
    before = sink.stats()
    why = client(sink, *args)
    after = sink.stats()
    grown = after["messages"] - before["messages"], after["recipients"] - before["recipients"]
    bad = after["bare_lf"] - before["bare_lf"]
    return why or (None if grown == (messages, recipients) and not bad else f"{grown}, {bad} bare LF")


SWAKS = ["swaks", "--server", "127.0.0.1", "--port", "PORT", "--from", "a@b.example", "--to",
         "c@d.example,e@f.example", "--helo", "me.example", "--body", ".\\n..\\n.x"]
CURL = ["curl", "-sS", "smtp://127.0.0.1:PORT/me.example", "--mail-from", "a@b.example", "--mail-rcpt",
        "c@d.example"]
STAGES = ("CONNECT", "FIRST-HELO", "TLS", "HELO", "AUTH", "MAIL", "RCPT", "DATA", "DOT")
LEAVING = {"--quit-after": STAGES[:-2], "--drop-after": STAGES, "--drop-after-send": STAGES[1:]}


def leave(sink, how, stage):
    """A message is only what its dot was sent of; however the client leaves, nothing of it stays."""
    before = sink.stats()
    why = program(sink, SWAKS + ["--tls", "--auth", "PLAIN", "--auth-user", "u", "--auth-password", "p",
                                 how, stage])
    if not sink.quiet():
        return "the connection stays open"
    after = sink.stats()
    grown = after["messages"] - before["messages"], after["worker_restarts"]
    return why or (None if grown == (int(stage == "DOT"), 0) else f"messages and restarts: {grown}")


def leavers(tap):
    with Sink("--tls", "self-signed", "--auth") as sink:
        for how, stages in LEAVING.items():
            for stage in stages:
                tap.run(f"clients: swaks {how} {stage}", leave, sink, how, stage)


# ---- TLS, verified -------------------------------------------------------------------------------

def python_verified(sink, ca):
    context = ssl.create_default_context(cafile=ca)
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=LIMIT) as c:
        c._host = "mx.lab.example"  # pylint: disable=protected-access
        c.starttls(context=context)
        c.login("u", "p")
        c.send_message(message())


def verified(tap, letter):
    """Each believes the lab CA, and no other."""
    with tempfile.TemporaryDirectory(prefix="kr-ca-") as d:
        mine, other = os.path.join(d, "ca"), os.path.join(d, "other")
        with Sink("--auth", "--tls", "lab-ca", "--ca-dir", other) as sink:
            pass
        with Sink("--auth", "--tls", "lab-ca", "--ca-dir", mine) as sink:
            ca, wrong = os.path.join(mine, "ca.pem"), os.path.join(other, "ca.pem")
            name = "mx.lab.example"
            curl = ["curl", "-sS", f"smtp://{name}:PORT/me", "--resolve", f"{name}:PORT:127.0.0.1"]
            curl += ["--ssl-reqd", "--user", "u:p"] + CURL[3:] + ["-T", letter, "--cacert"]
            swaks = SWAKS + ["--tls-verify", "--tls", "--tls-sni", name, "--tls-ca-path"]
            tap.run("clients: smtplib verifies", counted, sink, 1, 2, python_verified, ca)
            tap.run("clients: curl verifies", counted, sink, 1, 1, program, curl + [ca])
            tap.run("clients: swaks verifies", counted, sink, 1, 2, program, swaks + [ca])
            for args, status in ((curl, 60), (swaks, 29)):
                tap.run(f"clients: {args[0]} does not believe another CA", counted, sink, 0, 0, program,
                        args + [wrong], None, status)


# ---- what the policy says ------------------------------------------------------------------------

with open(os.path.join(os.path.dirname(__file__), "shown.toml"), encoding="utf-8") as shown:
    POLICY = shown.read()
# DOMAIN, status of swaks, status of curl, what is said
SAID = (("bounce.example", 26, 8, "550 5.1.1 nobody of this name"),
        ("refuse.example", 24, 55, "553 5.1.3 no such place"),
        ("defer.example", 26, 8, "451 4.3.0 not today"))


def python_told(sink, to, says):
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=LIMIT) as c:
        try:
            c.sendmail("a@b.example", to, "Subject: x\r\n\r\n.\r\n")
            return "it was taken"
        except smtplib.SMTPRecipientsRefused as e:
            code, text = e.recipients[to]
        except smtplib.SMTPDataError as e:
            code, text = e.smtp_code, e.smtp_error
    return None if f"{code} {text.decode()}" == says else f"{code} {text}"


def refusals(tap, letter):
    with Policy(POLICY) as p, Sink("--policy", p.path) as sink:
        for domain, of_swaks, of_curl, says in SAID:
            to = f"c@{domain}"
            swaks = [to if a == "c@d.example,e@f.example" else a for a in SWAKS]
            curl = CURL[:-1] + [to, "-v", "-T", letter]
            tap.run(f"clients: smtplib, {domain}", counted, sink, 0, 0, python_told, to, says)
            tap.run(f"clients: swaks, {domain}", counted, sink, 0, 0, program, swaks, None, of_swaks, says)
            tap.run(f"clients: curl, {domain}", counted, sink, 0, 0, program, curl, None, of_curl, says)


def run(tap, sink):
    with tempfile.NamedTemporaryFile(suffix=".eml") as f:
        f.write(b"Subject: x\r\n\r\n.\r\n..\r\nend\r\n" * 5000)
        f.flush()
        tap.run("clients: python smtplib", counted, sink, 6, 12, python)
        missing = [name for name in ("swaks", "curl") if not shutil.which(name)]
        if missing:
            tap.skip("clients: swaks and curl", f"no {missing[0]} here")
            return
        tap.run("clients: swaks", counted, sink, 1, 2, program, SWAKS)
        tap.run("clients: swaks pipelined", counted, sink, 1, 2, program, SWAKS + ["--pipeline"])
        tap.run("clients: curl", counted, sink, 1, 1, program, CURL + ["-T", f.name])
        leavers(tap)
        verified(tap, f.name)
        refusals(tap, f.name)
