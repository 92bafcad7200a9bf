#!/usr/bin/python3
"""tunwriter.py OWN SOURCE DESTINATION PORT: makes a tun device with the address OWN/24 and writes one
SYN from SOURCE into it, as a VPN client or a virtual machine does; the kernel routes it."""
import fcntl
import os
import socket
import struct
import subprocess
import sys

own, source, destination, port = sys.argv[1:]
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH14x", b"tunw0", 0x1001))
subprocess.run(["ip", "addr", "add", own + "/24", "dev", "tunw0"], check=True)
subprocess.run(["ip", "link", "set", "tunw0", "up"], check=True)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


src, dst = socket.inet_aton(source), socket.inet_aton(destination)
tcp = struct.pack("!HHIIBBHHH", 4047, int(port), 1, 0, 5 << 4, 2, 1024, 0, 0)
tcp = tcp[:16] + struct.pack("!H", checksum(src + dst + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, src, dst)
ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
os.write(fd, ip + tcp)
print("sent")
