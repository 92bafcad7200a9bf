#!/usr/bin/env python3
"""Plays a user who is asked by `down --purge` on a terminal.

down-tty.py ANSWER QUEUED COMMAND...: what is typed (no, other, empty, end of file, interrupt, yes), how
many messages the question has to name. Ends with 0 when it was asked and ended as it should.
"""
import os
import pty
import re
import select
import signal
import sys
import time

# What is typed, and the status that follows; an interrupt ends it by its signal or as a refusal.
ANSWERS = {
    "no": (b"n\n", {1}),
    "other": (b"yes please\n", {1}),
    "empty": (b"\n", {1}),
    "end": (b"\x04", {1}),
    "interrupt": (b"\x03", {1, 3, 130, -signal.SIGINT}),
    "yes": (b"yes\n", {0}),
}


def follow(fd, until, text, seconds=60):
    """Reads until `until` was said; None: up to the end. Returns all of it, or None after too long."""
    end = time.monotonic() + seconds
    while until is None or not re.search(until, text):
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            return None
        try:
            more = os.read(fd, 65536)
        except OSError:  # a terminal that nobody has open any more
            more = b""
        if not more:
            return text if until is None else None
        text += more.decode(errors="replace")
    return text


def main():
    typed, wanted = ANSWERS[sys.argv[1]]
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[3], sys.argv[3:])
    asked = follow(fd, r"\[y/N\] ", "")
    if asked is None:
        os.kill(pid, signal.SIGKILL)
        sys.exit("it did not ask")
    os.write(fd, typed)
    said = follow(fd, None, asked)
    if said is None:
        os.kill(pid, signal.SIGKILL)
        sys.exit("it did not end: %r" % asked)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(status, said)
    sys.exit(0 if status in wanted and "%s messages queued" % sys.argv[2] in asked else 1)


main()
