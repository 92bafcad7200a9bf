#!/usr/bin/env python3
"""Plays a user with a shell on a terminal of its own, who starts the words given and types.

gate-tty.py COMMAND...: the command ends in a generator that says what terminal it has. Prints a line
for each thing that should be so: "ok NAME" or "not ok NAME".
"""
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import sys
import termios
import time

COMMAND = " ".join(map(shlex.quote, sys.argv[1:]))


class Terminal:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="prompt$ ", TERM="dumb", HISTFILE="")
            os.execvp("bash", ["bash", "--norc", "--noediting", "-i"])
        self.text = ""
        self.resize(100, 30)
        self.wait("prompt")

    def resize(self, columns, lines):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, regex, seconds=30):
        """What was said up to and with the match, which is taken off; None: it never came."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(regex, self.text)
            if found:
                said, self.text = self.text[:found.end()], self.text[found.end():]
                return said
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                print("waited for %r in %r" % (regex, self.text[-600:]))
                return None
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                return None

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def check(name, good):
    print(("ok " if good else "not ok ") + name, flush=True)


def status(t):
    t.type("echo status=$?=\n")
    said = t.wait(r"status=(\d+)=") or ""
    return re.findall(r"status=(\d+)=", said)[-1:]


def main():
    t = Terminal()
    try:
        t.type(COMMAND + "\n")
        check("standard input, output and error are terminals", t.wait(r"terminals 111") is not None)
        check("it is in the foreground", t.wait(r"foreground True") is not None)
        check("its output has the terminal's size", t.wait(r"size 100x30") is not None)
        t.resize(80, 24)
        check("a new size is told, and is that of its output", t.wait(r"size 80x24") is not None)
        t.type("hello\n")
        check("it hears what is typed", t.wait(r"heard hello\r\n") is not None)
        t.type("\x1a")
        check("Ctrl-Z stops the job", t.wait(r"Stopped") is not None and t.wait(r"prompt") is not None)
        t.type("jobs\n")
        check("the shell has it as one", t.wait(r"Stopped +.*run") is not None)
        t.type("fg\n")
        t.wait(r"run[^\n]*\n")
        t.type("again\n")
        check("fg lets it go on", t.wait(r"heard again\r\n") is not None)
        t.type("end\n")
        t.wait(r"prompt")
        check("its status comes to the shell", status(t) == ["5"])
        t.type(COMMAND + "\n")
        t.wait(r"size \d+x\d+")
        t.type("\x03")
        check("Ctrl-C reaches it, once", (t.wait(r"interrupted[^$]*prompt") or "").count("interrupted") == 1)
        check("and its own status comes back", status(t) == ["9"])
        t.type(COMMAND + " | cat\n")
        check("in a pipeline its output is none", t.wait(r"terminals 101") is not None)
        t.type("end\n")
        check("and ends", t.wait(r"prompt") is not None)
    finally:
        t.close()


main()
