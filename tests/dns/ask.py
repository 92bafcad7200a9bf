#!/usr/bin/env python3
"""ask.py SERVER NAME TYPE: one query over UDP; exit 0 when an answer with rcode 0 comes."""
import socket
import struct
import sys

TYPES = {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "TXT": 16}


def main():
    server, name, kind = sys.argv[1:4]
    wire = b"".join(bytes([len(l)]) + l.encode() for l in name.strip(".").split(".") if l) + b"\0"
    query = struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0) + wire + struct.pack(">2H", TYPES[kind], 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.connect((server, 53))
        s.send(query)
        answer = s.recv(65535)
    rcode = answer[3] & 15
    print("rcode", rcode, "answers", struct.unpack(">H", answer[6:8])[0], "ad", answer[3] >> 5 & 1)
    return rcode


sys.exit(main())
