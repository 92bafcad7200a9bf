"""TLS: what is offered, who is believed, what must not get across the handshake."""
import os
import shutil
import smtplib
import socket
import ssl
import stat
import subprocess
import tempfile

from control import refused
from sinktest import LIMIT, PROGRAM, Sink, finals, free_port, read_all, read_reply
from policy import Policy


def lab():
    d = tempfile.TemporaryDirectory(prefix="kr-ca-")
    return d, ["--tls", "lab-ca", "--ca-dir", os.path.join(d.name, "ca")]


def printed(options):
    return subprocess.run([PROGRAM, "ca", "print"] + options[2:], stdout=subprocess.PIPE, check=True,
                          timeout=LIMIT).stdout.decode()


def trusting(options):
    return ssl.create_default_context(cadata=printed(options))


def secure(sink, context, name, version=None):
    """A socket behind STARTTLS, EHLO said."""
    if version:
        context.minimum_version = context.maximum_version = version
    s = sink.connect()
    s.sendall(b"EHLO me\r\nSTARTTLS\r\n")
    got = b""
    while b"220 2.0.0 Ready" not in got or not got.endswith(b"\r\n"):
        more = s.recv(4096)
        if not more:
            raise RuntimeError(f"no STARTTLS: {got}")
        got += more
    return context.wrap_socket(s, server_hostname=name)


def tell(s, data):
    s.sendall(data)
    return finals(read_all(s))


MAIL = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"


def off():
    with Sink() as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=LIMIT) as c:
        c.ehlo()
        return None if not c.has_extn("starttls") else "STARTTLS is offered"


def self_signed():
    with Sink("--tls", "self-signed") as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=LIMIT) as c:
        try:
            c.starttls(context=ssl.create_default_context())
            return "it is believed"
        except ssl.SSLCertVerificationError:
            pass
        with smtplib.SMTP("127.0.0.1", sink.port, timeout=LIMIT) as d:
            d.starttls(context=ssl._create_unverified_context())  # pylint: disable=protected-access
            d.sendmail("a@b.example", "c@d.example", "Subject: x\r\n\r\n" + "x" * 70000)
        stats = sink.stats()
    got = (stats["tls_sessions"], stats["tls_failed"], stats["messages"])
    return None if got == (1, 1, 1) else f"{got}"


def named(version):
    """With the CA trusted each name is believed, and the big message arrives."""
    d, options = lab()
    with d, Sink(*options) as sink:
        for name in ("mx1.example.com", "gmail-smtp-in.l.google.com", "mx1.example.com"):
            s = secure(sink, trusting(options), name, version)
            body = b"y" * 100 + b"\r\n"
            got = tell(s, b"EHLO me\r\n" + MAIL + body * 5000 + b".\r\nSTARTTLS\r\nQUIT\r\n")
            if [line[:3] for line in got] != [b"250", b"250", b"250", b"354", b"250", b"503", b"221"]:
                return f"{name}: {got}"
        stats = sink.stats()
        key = os.stat(os.path.join(d.name, "ca", "ca.key"))
    good = stats["tls_sessions"] == stats["tls_named"] == stats["messages"] == 3
    good = good and stats["bytes"] == 3 * 5000 * 102 and stats["tls_13"] == (version == ssl.TLSVersion.TLSv1_3) * 3
    return None if good and stat.S_IMODE(key.st_mode) == 0o600 else f"{stats}"


def kept():
    """The CA is the same after a restart; a client that asks for no name gets the address."""
    d, options = lab()
    with d:
        with Sink(*options) as sink:
            context = trusting(options)
        with Sink(*options) as sink:
            s = secure(sink, context, "127.0.0.1")
            got = tell(s, b"QUIT\r\n")
    return None if got and got[-1][:3] == b"221" else f"{got}"


def old_versions():
    with Sink("--tls", "self-signed") as sink:
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            secure(sink, context, "x.example", ssl.TLSVersion.TLSv1_1)
            return "TLS 1.1 is spoken"
        except ssl.SSLError:
            return None


def resumed():
    """A ticket of one worker is good with the others."""
    with Sink("--tls", "self-signed", workers=2) as sink:
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session = None
        for _ in range(10):
            s = sink.connect()
            with s, s.makefile("rb") as f:
                read_reply(f)
                s.sendall(b"EHLO me\r\n")
                read_reply(f)
                s.sendall(b"STARTTLS\r\n")
                read_reply(f)
                with context.wrap_socket(s, server_hostname="x.example", session=session) as t:
                    session = session or t.session
        sink.quiet()
        stats = sink.stats()
    got = (stats["tls_sessions"], stats["tls_resumed"])
    return None if got == (10, 9) else f"{got}"


def injection():
    """What came in clear after STARTTLS counts for nothing, and neither does the EHLO before."""
    with Sink("--tls", "self-signed") as sink, sink.connect() as s:
        with s.makefile("rb") as f:
            s.sendall(b"EHLO me\r\nSTARTTLS\r\n" + MAIL + b"x\r\n.\r\n")
            codes = [read_reply(f)[-1][:3] for _ in range(3)]
            t = ssl._create_unverified_context().wrap_socket(s)  # pylint: disable=protected-access
            got = tell(t, b"MAIL FROM:<a@b.example>\r\nQUIT\r\n")
        stats = sink.stats()
    good = codes == [b"220", b"250", b"220"] and [g[:3] for g in got] == [b"503", b"221"]
    good = good and stats["starttls_injected"] == 1 and stats["messages"] == 0
    return None if good else f"{codes} {got} {stats['starttls_injected']}"


def garbage():
    """No handshake: closed and counted, at once; others are served."""
    with Sink("--tls", "self-signed") as sink:
        for data in (b"EHLO again\r\n", os.urandom(5000), b"\x16\x03\x01\xff\xff" + b"x" * 100000, b""):
            with sink.connect() as s:
                s.sendall(b"EHLO me\r\nSTARTTLS\r\n")
                with s.makefile("rb") as f:
                    for _ in range(3):
                        read_reply(f)
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
                except OSError:
                    pass
        if not sink.quiet():
            return "connections stay open"
        stats = sink.stats()
    return None if stats["tls_failed"] == 4 and stats["worker_restarts"] == 0 else f"{stats}"


def in_pieces():
    """Records cut anywhere, and a client that never reads behind TLS."""
    with Sink("--tls", "self-signed") as sink:
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        t = context.wrap_bio(incoming, outgoing, server_hostname="x.example")
        with sink.connect() as s:
            s.sendall(b"EHLO me\r\nSTARTTLS\r\n")
            with s.makefile("rb", buffering=0) as f:
                for _ in range(3):
                    read_reply(f)

            def pump(action):
                while True:
                    try:
                        result = action()
                    except ssl.SSLWantReadError:
                        result = None
                    for octet in iter(lambda: outgoing.read(1), b""):
                        s.sendall(octet)
                    if result is not None:
                        return result
                    incoming.write(s.recv(100))

            pump(lambda: t.do_handshake() or True)
            pump(lambda: t.write(b"EHLO me\r\nNOOP\r\nQUIT\r\n"))
            got = b""
            while b"221 " not in got:
                got += pump(lambda: t.read(100))
    return None if [g[:3] for g in finals(got)][:3] == [b"250", b"250", b"221"] else f"{got}"


def by_mx_name():
    """A provider is known by the name a client asks for."""
    text = '[provider.p]\nmx_names = "*.mx.example"\nbounce = 100\nstage = "rcpt"\n'
    d, options = lab()
    with d, Policy(text) as p, Sink("--policy", p.path, *options) as sink:
        got = {}
        for name in ("a.mx.example", "a.other.example"):
            s = secure(sink, trusting(options), name)
            got[name] = [g[:3] for g in tell(s, b"EHLO me\r\n" + MAIL[:-6] + b"QUIT\r\n")][2]
    return None if list(got.values()) == [b"550", b"250"] else f"{got}"


def bad_ca():
    d, options = lab()
    with d:
        with Sink(*options):
            pass
        key = os.path.join(d.name, "ca", "ca.key")
        at = ["-l", f"127.0.0.1:{free_port()}"]
        os.chmod(key, 0o644)
        why = refused(at + options, 2, key, "read by others")
        os.chmod(key, 0o600)
        with open(key, "w", encoding="ascii") as f:
            f.write("nonsense")
        why = why or refused(at + options, 3, key)
        return (why or refused(["ca", "print", "--ca-dir", "/nonexistent"], 3, "/nonexistent") or
                refused(["ca", "burn"], 2, "'burn'") or refused(["ca", "--help"], 0, "Usage"))


def loads(pid):
    """Whether a process has OpenSSL, and its name."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/comm", encoding="ascii") as name:
        return "libcrypto" in maps.read(), name.read().strip()


def only_where_asked():
    """OpenSSL is loaded for TLS alone, by a program beside this one; without that there is no TLS, and no sink."""
    with Sink() as sink:
        plain = loads(sink.process.pid)
    with Sink("--tls", "self-signed") as sink:
        asked = loads(sink.process.pid)
    with tempfile.TemporaryDirectory() as d:
        alone = shutil.copy(PROGRAM, d)
        p = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /usr/local && exec "$0" "$@"', alone,
                            "--tls", "self-signed", "-l", f"127.0.0.1:{free_port()}"],
                           stderr=subprocess.PIPE, timeout=LIMIT, check=False)
    good = (plain, asked) == ((False, "kumo-sink"), (True, "kumo-sink")) and p.returncode == 3
    return None if good and b"kumo-sink-tls" in p.stderr else f"{plain} {asked} {p.returncode} {p.stderr}"


def installed():
    """In a mount namespace of its own: OpenSSL believes the sink with the CA installed, and no more
    when it was removed."""
    d, options = lab()
    tmp = os.path.join(d.name, "t")
    script = f"""
set -e
for d in /usr/local/share/ca-certificates /usr/share/ca-certificates /etc/ca-certificates/update.d; do
    mount -t tmpfs none $d # the update takes a minute with all that is there
done
mount --bind /dev/null /etc/ca-certificates.conf
mkdir {tmp}/up {tmp}/work
mount -t overlay -o lowerdir=/etc/ssl,upperdir={tmp}/up,workdir={tmp}/work none /etc/ssl
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=other \\
    -out /usr/local/share/ca-certificates/other.crt 2>/dev/null
update-ca-certificates >/dev/null 2>&1
check() {{
    echo QUIT | openssl s_client -connect 127.0.0.1:$1 -starttls smtp -servername mx.example \\
        -verify_hostname mx.example -verify_return_error >/dev/null 2>&1
}}
! check $1 || exit 10
"{PROGRAM}" ca install --ca-dir {options[3]} || exit 11
check $1 || exit 12
"{PROGRAM}" ca remove --ca-dir {options[3]} || exit 13
! check $1 || exit 14
! find /etc/ssl/certs -xtype l -o -name 'kumo*' | grep kumo || exit 15
test -e /etc/ssl/certs/other.pem || exit 16
"""
    with d:
        os.mkdir(tmp)
        mount = f"mount -t tmpfs none {tmp}\n"
        with Sink(*options) as sink:
            p = subprocess.run(["unshare", "-m", "bash", "-c", mount + script, "x", str(sink.port)],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    return None if p.returncode == 0 else f"status {p.returncode}: {p.stdout.decode()}"


def run(tap):
    tap.run("tls: off unless asked for", off)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tap.run(f"tls: the lab CA, {version.name}", named, version)
    for test in (self_signed, kept, old_versions, resumed, injection, garbage, in_pieces, by_mx_name, bad_ca):
        tap.run(f"tls: {test.__name__.replace('_', ' ')}", test)
    if os.geteuid() or not os.path.exists("/usr/sbin/update-ca-certificates"):
        tap.skip("tls: installed", "needs root and ca-certificates")
    else:
        tap.run("tls: only where asked", only_where_asked)
        tap.run("tls: installed", installed)
