#!/usr/bin/env python3
"""policies.py FOLDER: MTA-STS policy servers, good and bad, one way each by the first label of the domain
behind "mta-sts." in the name that TLS asks for (SNI). Certificates below FOLDER, made by its caller: NAME.pem
(key and chain). Writes what it was asked to standard output, a line each: the name, the request line, and
whether the client went on after what should have stopped it. Listens on 192.0.2.80 to .82, .86 and 2001:db8::80, port 443; is
asked for names on 127.0.0.5, where it answers nothing."""
import os
import socket
import ssl
import sys
import threading
import time

FOLDER = sys.argv[1]
POLICY = "version: STSv1\r\nmode: %s\r\nmx: *.test\r\nmx: mx.%s\r\nmax_age: 86400\r\n"


def http(status, body, kind="text/plain", more=(), length=True):
    head = [f"HTTP/1.1 {status} x"]
    if kind:
        head.append(f"Content-Type: {kind}")
    if length:
        head.append(f"Content-Length: {len(body)}")
    head += list(more) + ["Connection: close", "", ""]
    return "\r\n".join(head).encode() + body.encode()


def enforce(domain):
    return POLICY % ("enforce", domain)


def chunked(body, size):
    out = b""
    for at in range(0, len(body), size):
        piece = body[at:at + size].encode()
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return out + b"0\r\n\r\n"


def padded(domain, size):
    text = enforce(domain) + "x: "
    return text + "y" * (size - len(text))


# What is sent for each way; a list is sent in pieces, a number between them is a pause in seconds.
WAYS = {
    "good": lambda d: [http(200, enforce(d))],
    "testing": lambda d: [http(200, POLICY % ("testing", d))],
    "none": lambda d: [http(200, "version: STSv1\nmode: none\nmax_age: 86400\n")],
    "lf": lambda d: [http(200, enforce(d).replace("\r", ""))],
    "charset": lambda d: [http(200, enforce(d), "TEXT/plain; charset=utf-8")],
    "nomatch": lambda d: [http(200, enforce(d).replace("*.test", "*.example").replace("mx.", "other."))],
    "half": lambda d: [http(200, "version: STSv1\nmode: enforce\nmx: mx.half.test\nmax_age: 5\n")],
    "redirect": lambda d: [http(302, enforce(d), more=[f"Location: https://mta-sts.good.test/.well-known/mta-sts.txt"])],
    "moved": lambda d: [http(301, enforce(d), more=["Location: /other.txt"])],
    "media": lambda d: [http(200, enforce(d), "text/html")],
    "nomedia": lambda d: [http(200, enforce(d), None)],
    "gone": lambda d: [http(404, enforce(d))],
    "created": lambda d: [http(201, enforce(d))],
    "broken": lambda d: [http(503, "later")],
    "busy": lambda d: [http(429, enforce(d))],
    "empty": lambda d: [http(200, "")],
    "grammar": lambda d: [http(200, enforce(d).replace("max_age: 86400", "max_age: soon"))],
    "html": lambda d: [http(200, "<html></html>")],
    "full": lambda d: [http(200, padded(d, 65536))],
    "oversize": lambda d: [http(200, padded(d, 65537))],
    "chunks": lambda d: [http(200, "", more=["Transfer-Encoding: chunked"], length=False) + chunked(enforce(d), 7)],
    "chunkover": lambda d: [http(200, "", more=["Transfer-Encoding: chunked"], length=False) + chunked(padded(d, 200000), 4000)],
    "toclose": lambda d: [http(200, padded(d, 200000), length=False)],
    "heads": lambda d: [http(200, enforce(d), more=[f"X-{i}: {'z' * 1000}" for i in range(90)])],
    "cut": lambda d: [http(200, enforce(d) * 9)[:-40]],
    "stalled": lambda d: [http(200, enforce(d))[:90], 30],
    "silent": lambda d: [b"", 30],
    "drip": lambda d: sum(([bytes([b]), 0.2] for b in http(200, enforce(d))), []),
    "nohttp": lambda d: [b"220 mail.test ESMTP\r\n"],
    "expired": lambda d: [http(200, enforce(d))],
    "future": lambda d: [http(200, enforce(d))],
    "wrongname": lambda d: [http(200, enforce(d))],
    "selfsigned": lambda d: [http(200, enforce(d))],
    "cnonly": lambda d: [http(200, enforce(d))],
    "wildcard": lambda d: [http(200, enforce(d))],
    "old": lambda d: [http(200, enforce(d))],
    "plaintext": lambda d: [http(200, enforce(d))],
    "alias": lambda d: [http(200, enforce(d))],
}
CONTEXTS = {}


def context(way):
    if way not in CONTEXTS:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = os.path.join(FOLDER, way + ".pem")
        c.load_cert_chain(own if os.path.exists(own) else os.path.join(FOLDER, "all.pem"))
        if way == "old":
            c.set_ciphers("ALL:@SECLEVEL=0")
            c.minimum_version = ssl.TLSVersion.TLSv1_1
            c.maximum_version = ssl.TLSVersion.TLSv1_1
        else:
            c.sni_callback = choose
        CONTEXTS[way] = c
    return CONTEXTS[way]


def choose(sock, name, _):
    if sock.context is CONTEXTS.get("old"):
        return
    labels = (name or "").split(".")
    sock.way = labels[1] if labels[0] == "mta-sts" and len(labels) > 2 else "nobody"
    sock.domain = ".".join(labels[1:])
    if sock.context is not context(sock.way):
        sock.context = context(sock.way)


def say(*words):
    print(" ".join(map(str, words)) + "\n", end="", flush=True)  # one write, whole lines


def serve(raw, first="all"):
    raw.settimeout(40)
    try:
        with context(first).wrap_socket(raw, server_side=True) as s:
            request = b""
            if first == "old":
                s.way = "old"
                s.domain = "old.test"
            while b"\r\n\r\n" not in request:
                more = s.recv(4096)
                if not more:
                    return say(s.way, "left")
                request += more
            lines = request.decode("latin-1").split("\r\n")
            say(s.way, lines[0], "|", *(l for l in lines if l.lower().startswith("host:")))
            for piece in WAYS.get(s.way, WAYS["good"])(s.domain):
                if isinstance(piece, bytes):
                    s.sendall(piece)
                else:
                    time.sleep(piece)
            # A client that has what it wants leaves.
            s.settimeout(2)
            s.unwrap()
    except OSError as e:
        say("# ", type(e).__name__, getattr(e, "reason", e))
    finally:
        raw.close()


def listen(family, address, port, how):
    l = socket.socket(family, socket.SOCK_STREAM)
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind((address, port))
    l.listen(256)

    def run():
        while True:
            c, _ = l.accept()
            threading.Thread(target=how, args=(c,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


def plaintext(c):
    with c:
        c.settimeout(5)
        try:
            c.recv(4096)
            c.sendall(http(200, enforce("plaintext.test")))
        except OSError:
            pass


def reset(c):
    try:
        c.recv(100)
    finally:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()


listen(socket.AF_INET, "192.0.2.80", 443, serve)
listen(socket.AF_INET6, "2001:db8::80", 443, serve)
listen(socket.AF_INET, "192.0.2.86", 443, lambda c: serve(c, "old"))
listen(socket.AF_INET, "192.0.2.81", 443, plaintext)
listen(socket.AF_INET, "192.0.2.82", 443, reset)
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.5", 53))
say("ready")
while True:
    say("asked", dns.recv(4096)[12:60])
