"""Mail clients other people wrote."""
import shutil
import smtplib
import subprocess
import tempfile
from email.message import EmailMessage

from sinktest import LIMIT


def python(sink):
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = "a@b.example", "c@d.example, e@f.example", "grüße"
    m.set_content(".\n..\nText with ümlauts\n.\n" * 1000)
    for host in ("127.0.0.1", "::1"):
        with smtplib.SMTP(host, sink.port, timeout=LIMIT) as c:
            for _ in range(3):
                c.send_message(m)
            c.verify("a@b.example")
    return None


def program(sink, args, stdin=None):
    args = [a.replace("PORT", str(sink.port)) for a in args]
    p = subprocess.run(args, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=LIMIT, check=False)
    return None if p.returncode == 0 else f"status {p.returncode}: {p.stdout.decode()}"


def counted(sink, messages, recipients, client, *args):
    before = sink.stats()
    why = client(sink, *args)
    after = sink.stats()
    grown = after["messages"] - before["messages"], after["recipients"] - before["recipients"]
    bad = after["bare_lf"] - before["bare_lf"]
    return why or (None if grown == (messages, recipients) and not bad else f"{grown}, {bad} bare LF")


SWAKS = ["swaks", "--server", "127.0.0.1", "--port", "PORT", "--from", "a@b.example", "--to",
         "c@d.example,e@f.example", "--helo", "me.example", "--body", ".\\n..\\n.x"]


def stages(sink):
    """swaks leaves at every stage, politely and by hanging up: nothing of it is a message."""
    before = sink.stats()
    for how in ("--quit-after", "--drop-after"):
        for stage in ("CONNECT", "HELO", "MAIL", "RCPT"):
            why = program(sink, SWAKS + [how, stage])
            if why and how == "--quit-after":
                return f"{how} {stage}: {why}"
    if not sink.quiet():
        return "connections stay open"
    after = sink.stats()
    grown = after["messages"] - before["messages"], after["worker_restarts"]
    return None if grown == (0, 0) else f"{grown}"


def run(tap, sink):
    if shutil.which("swaks"):
        tap.run("clients: swaks at every stage", stages, sink)
    else:
        tap.skip("clients: swaks at every stage", "no swaks here")
    tap.run("clients: python smtplib", counted, sink, 6, 12, python)
    with tempfile.NamedTemporaryFile(suffix=".eml") as f:
        f.write(b"Subject: x\r\n\r\n.\r\n..\r\nend\r\n" * 5000)
        f.flush()
        curl = ["curl", "-sS", "smtp://127.0.0.1:PORT/me.example", "--mail-from", "a@b.example",
                "--mail-rcpt", "c@d.example", "-T", f.name]
        for args, rcpts in ((SWAKS, 2), (SWAKS + ["--pipeline"], 2), (curl, 1)):
            name = "clients: " + args[0] + (" pipelined" if "--pipeline" in args else "")
            if shutil.which(args[0]):
                tap.run(name, counted, sink, 1, rcpts, program, args)
            else:
                tap.skip(name, f"no {args[0]} here")
