"""Latencies of SMTP transactions in a capture of loopback: from the segment that begins with MAIL to the
one that begins with the answer to the dot, which is the first after the segment that ends with it.
usage: latency.py PCAP PORT; prints count, p50, p90, p99 in microseconds."""
import struct
import sys


def packets(path):
    """(seconds, source port, destination port, payload) of each TCP segment over Ethernet and IPv4."""
    with open(path, "rb") as f:
        head = f.read(24)
        nano = struct.unpack("<I", head[:4])[0] == 0xa1b23c4d
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            s, part, kept, length = struct.unpack("<IIII", record)
            data = f.read(kept)
            ip = data[14:]
            ihl = (ip[0] & 15) * 4
            tcp = ip[ihl:]
            offset = (tcp[12] >> 4) * 4
            total = struct.unpack(">H", ip[2:4])[0]
            source, to = struct.unpack(">HH", tcp[:4])
            size = total - ihl - offset
            yield s + part / (1e9 if nano else 1e6), source, to, tcp[offset:], size


def main():
    port, begun, ended, found, seen = int(sys.argv[2]), {}, {}, [], set()
    for at, source, to, payload, size in packets(sys.argv[1]):
        if not size:
            continue
        if to == port:
            if payload.startswith(b"MAIL "):
                begun[source] = at
            elif source in begun and not payload.startswith((b"EHLO", b"QUIT")):
                ended[source] = True  # content: the last write of a message that is not followed by another
        elif payload.startswith(b"250 ") and ended.pop(to, False):
            found.append(at - begun.pop(to))
            seen.add(to)
    found.sort()
    print("count", len(found))
    for p in (50, 90, 99):
        print(f"p{p}", round(found[max(0, -(-len(found) * p // 100) - 1)] * 1e6))


main()
