#!/usr/bin/python3
"""repair.py try|send ADDR PORT: a TCP socket that is established without a SYN, as CRIU restores one
(TCP_REPAIR), and sends a line. try: only says whether the kernel allows it."""
import socket
import sys

REPAIR, REPAIR_QUEUE, QUEUE_SEQ = 19, 20, 21
s = socket.socket()
try:
    s.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
    for queue in (2, 1):  # send, receive
        s.setsockopt(socket.IPPROTO_TCP, REPAIR_QUEUE, queue)
        s.setsockopt(socket.IPPROTO_TCP, QUEUE_SEQ, 25252525)
except OSError as e:
    print("this kernel has no TCP_REPAIR:", e.strerror)
    sys.exit(1)
if sys.argv[1] == "send":
    s.connect((sys.argv[2], int(sys.argv[3])))
    s.setsockopt(socket.IPPROTO_TCP, REPAIR_QUEUE, 0)
    s.setsockopt(socket.IPPROTO_TCP, REPAIR, 0)  # with a window probe
    s.sendall(b"MAIL FROM:<a@b.example>\r\n")
    print("sent")
