#!/usr/bin/env python3
"""liar.py LISTEN [UPSTREAM]: a DNS server that lies in the way the first label of the asked domain says.
With UPSTREAM (a real resolver) it passes everything on and spoils what comes back instead."""
import socket
import struct
import sys
import threading

MX, TXT = 15, 16


def labels_of(q):
    out, at = [], 12
    while q[at]:
        out.append(q[at + 1:at + 1 + q[at]].decode("latin-1").lower())
        at += q[at] + 1
    return out, at + 5


def name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".") if l) + b"\0"


def record(owner, kind, data, ttl=300):
    return owner + struct.pack(">2HIH", kind, 1, ttl, len(data)) + data


def message(q, end, answers, flags=0x8180, ident=None, question=None):
    head = struct.pack(">6H", ident if ident is not None else struct.unpack(">H", q[:2])[0],
                       flags, 1, len(answers), 0, 0)
    return head + (question or q[12:end]) + b"".join(answers)


HERE = b"\xc0\x0c"
GOOD = [record(HERE, MX, b"\0\x0a" + name("right.example"))]
FORGED = [record(HERE, MX, b"\0\x0a" + name("forged.example"))]


class Liar:
    def __init__(self, listen, upstream):
        self.listen, self.upstream = listen, upstream
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((listen, 53))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((listen, 53))
        self.tcp.listen(64)

    def send(self, data, to):
        self.udp.sendto(data, to)

    def elsewhere(self, data, to):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((self.listen, 0))
            s.sendto(data, to)

    # ---- one way of lying each ----

    def wrongid(self, q, end, to):
        self.send(message(q, end, FORGED, ident=struct.unpack(">H", q[:2])[0] ^ 1), to)

    def wrongid_right(self, q, end, to):
        self.wrongid(q, end, to)
        self.send(message(q, end, GOOD), to)

    def wrongq(self, q, end, to):
        self.send(message(q, end, FORGED, question=name("other.example") + q[end - 4:end]), to)

    def wrongtype(self, q, end, to):
        self.send(message(q, end, FORGED, question=q[12:end - 4] + struct.pack(">2H", TXT, 1)), to)

    def source(self, q, end, to):
        self.elsewhere(message(q, end, FORGED), to)

    def source_right(self, q, end, to):
        self.elsewhere(message(q, end, FORGED), to)
        self.send(message(q, end, GOOD), to)

    def query(self, q, end, to):
        self.send(q, to)  # not a response at all

    def late(self, q, end, to):
        threading.Timer(0.4, self.send, (message(q, end, GOOD), to)).start()

    def doubled(self, q, end, to):
        for _ in range(3):
            self.send(message(q, end, GOOD), to)
        self.send(message(q, end, FORGED), to)

    def cut(self, q, end, to):
        self.send(message(q, end, GOOD)[:-5], to)

    def header(self, q, end, to):
        self.send(message(q, end, GOOD)[:11], to)

    def counts(self, q, end, to):
        m = bytearray(message(q, end, GOOD))
        m[7] = 200
        self.send(bytes(m), to)

    def loop(self, q, end, to):
        self.send(message(q, end, [record(struct.pack(">H", 0xc000 | end), MX, b"\0\x0a" + name("x.example"))]), to)

    def loopmx(self, q, end, to):
        at = end + 2 + 10 + 2
        self.send(message(q, end, [record(HERE, MX, b"\0\x0a\1a" + struct.pack(">H", 0xc000 | at))]), to)

    def forward(self, q, end, to):
        self.send(message(q, end, [record(HERE, MX, b"\0\x0a" + struct.pack(">H", 0xc000 | 0x3fff))]), to)

    def huge(self, q, end, to):
        self.send(message(q, end, GOOD + [record(HERE, TXT, b"\xff" + b"x" * 255)] * 240)[:65507], to)

    def lower(self, q, end, to):
        self.send(message(q, end, GOOD, question=q[12:end].lower()), to)

    def cnames(self, q, end, to):
        links = [record(name(f"a{i}.example") if i else HERE, 5, name(f"a{i + 1}.example")) for i in range(60)]
        self.send(message(q, end, links), to)

    def aliasonly(self, q, end, to):
        self.send(message(q, end, [record(HERE, 5, name("plain.example"))]), to)

    def twice(self, q, end, to):
        self.send(message(q, end, [record(HERE, 5, name("one.example")), record(HERE, 5, name("two.example"))]), to)

    def tc(self, q, end, to):
        self.send(message(q, end, [], flags=0x8380), to)

    tcbig = tcmany = tcshort = tcshut = tcwrong = tcagain = tc

    def plain(self, q, end, to):
        self.send(message(q, end, GOOD), to)

    # ---- over TCP ----

    def answer_tcp(self, c, q):
        labels, end = labels_of(q)
        how = labels[0] if labels else ""
        big = GOOD + [record(HERE, TXT, b"\xff" + b"y" * 255)] * 240
        out = message(q, end, GOOD)
        if how == "tcbig":
            out = message(q, end, big)
            room = 65535 - len(out)
            out = message(q, end, big + [record(HERE, 65280, b"z" * (room - 12))])
            assert len(out) == 65535
        elif how == "tcmany":
            out = message(q, end, [record(HERE, MX, bytes([0, i]) + name(f"m{i}.example")) for i in range(200)])
        elif how == "tcwrong":
            out = message(q, end, FORGED, ident=struct.unpack(">H", q[:2])[0] ^ 1)
        elif how == "tcagain":
            out = message(q, end, [], flags=0x8380)
        elif how == "tcshut":
            return
        wire = struct.pack(">H", len(out)) + out
        c.sendall(wire[:-7] if how == "tcshort" else wire)

    def serve_tcp(self):
        while True:
            c, _ = self.tcp.accept()
            threading.Thread(target=self.one_tcp, args=(c,), daemon=True).start()

    def one_tcp(self, c):
        with c:
            c.settimeout(5)
            data = b""
            while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
                more = c.recv(4096)
                if not more:
                    return
                data += more
            if self.upstream:
                c.sendall(self.ask_upstream_tcp(data))
            else:
                self.answer_tcp(c, data[2:])

    # ---- in between ----

    def ask_upstream_tcp(self, data):
        with socket.create_connection((self.upstream, 53), timeout=5) as s:
            s.sendall(data)
            return self.read_tcp(s)

    @staticmethod
    def read_tcp(s):
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
            more = s.recv(65536)
            if not more:
                break
            data += more
        return data

    def pass_on(self, q, to):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect((self.upstream, 53))
            s.send(q)
            try:
                a = bytearray(s.recv(65535))
            except OSError:
                return
        self.send(self.spoil(q, a), to)

    def spoil(self, q, a):
        labels, end = labels_of(q)
        how = next((l for l in labels if l.startswith("spoil")), "")
        counts = struct.unpack(">3H", a[6:12])
        at = end
        for i in range(sum(counts)):
            while a[at] and a[at] < 0xc0:
                at += a[at] + 1
            at += 1 if not a[at] else 2
            kind, _, _, n = struct.unpack(">2HIH", a[at:at + 10])
            at += 10
            if how == "spoilnsec3" and kind == 50:
                a[at] = 2  # an algorithm of hashes nobody knows
            elif how == "spoiliter" and kind == 50:
                a[at + 2:at + 4] = b"\xff\xff"
            elif how == "spoilmx" and kind == MX:
                a[at + 1] ^= 1
            elif how == "spoilsig" and kind == 46:
                a[at + n - 1] ^= 1
            at += n
        return bytes(a)

    def run(self):
        threading.Thread(target=self.serve_tcp, daemon=True).start()
        print("ready", flush=True)
        while True:
            q, to = self.udp.recvfrom(4096)
            if self.upstream:
                threading.Thread(target=self.pass_on, args=(q, to), daemon=True).start()
                continue
            labels, end = labels_of(q)
            kind = struct.unpack(">H", q[end - 4:end - 2])[0]
            how = labels[0].replace("-", "_") if labels else "plain"
            if kind != MX:
                self.send(message(q, end, []), to)
            else:
                getattr(self, how, self.plain)(q, end, to)


Liar(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None).run()
