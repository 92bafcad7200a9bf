#!/usr/bin/env python3
"""status --watch in a terminal of its own: what it draws, and in what state it leaves the terminal.
usage: screen.py COMMAND..."""
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

COMMAND = sys.argv[1:]
N = 0
BAD = 0


def check(name, good, note=""):
    global N, BAD
    N += 1
    BAD += not good
    print("%s %d - %s" % ("ok" if good else "not ok", N, name))
    if not good:
        print("# %r" % (note,))


class Terminal:
    def __init__(self, rows=24, columns=80, term="xterm", extra=()):
        self.master, self.slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = b""
        env = dict(os.environ, TERM=term)
        self.p = subprocess.Popen(COMMAND + list(extra), stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                  env=env, preexec_fn=self.take, close_fds=True)

    def take(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def size(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, what, seconds=20):
        end = time.time() + seconds
        while not re.search(what, self.text, re.S):
            if time.time() > end:
                return False
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 65536)
                except OSError:
                    return bool(re.search(what, self.text, re.S))
        return True

    def end(self, how):
        how(self)
        try:
            status = self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            status = None
        self.until(rb"\x1b\[\?1049l", 2)
        same = termios.tcgetattr(self.slave) == self.before
        return status, same

    def frames(self):
        return [f for f in self.text.split(b"\x1b[H")[1:] if b"\x1b[J" in f]


def plain(line):
    return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", line)


t = Terminal()
check("it draws on the other screen", t.until(rb"\x1b\[\?1049h.*\x1b\[J.*\x1b\[J"), t.text[-300:])
frame = t.frames()[-1]
lines = frame.split(b"\r\n")
check("within 24 rows", len(lines) <= 24, lines)
check("and 80 columns", all(len(plain(x)) <= 80 for x in lines), lines)
check("it says what stands", plain(lines[0]).startswith(b"redirect since 20"), lines[0])
check("counters and the sink are there", b"redirected_v4" in frame and b"at the sink" in frame, frame)
check("and the last events of the watch", b"last events" in frame, frame)
t.text = b""
t.size(6, 30)
check("resized, it draws anew at once", t.until(rb"\x1b\[J"), t.text)
lines = t.frames()[-1].split(b"\r\n")
check("within that", len(lines) <= 6 and all(len(plain(x)) <= 30 for x in lines), lines)
status, same = t.end(lambda t: os.write(t.master, b"q"))
check("q ends it, with the status of what stands", status == 0, status)
check("and the terminal is as before", same and t.text.rstrip().endswith(b"\x1b[?1049l"), t.text[-60:])

for name, number in (("SIGINT", signal.SIGINT), ("SIGTERM", signal.SIGTERM), ("SIGHUP", signal.SIGHUP)):
    t = Terminal()
    t.until(rb"\x1b\[J")
    status, same = t.end(lambda t: t.p.send_signal(number))
    check("%s: the terminal is as before" % name, status == 0 and same and b"\x1b[?1049l" in t.text, (status, same))

t = Terminal()
t.until(rb"\x1b\[J")
t.p.send_signal(signal.SIGTSTP)
check("SIGTSTP: the terminal is given back", t.until(rb"\x1b\[\?1049l"), t.text[-60:])
end = time.time() + 10
while open("/proc/%d/stat" % t.p.pid).read().rsplit(")", 1)[1].split()[0] != "T" and time.time() < end:
    time.sleep(0.01)
check("as it was", termios.tcgetattr(t.slave) == t.before)
t.text = b""
t.p.send_signal(signal.SIGCONT)
check("SIGCONT: it draws again", t.until(rb"\x1b\[\?1049h.*\x1b\[J"), t.text[-60:])
status, same = t.end(lambda t: os.write(t.master, b"q"))
check("and ends as ever", status == 0 and same)

t = Terminal(term="dumb")
check("a dumb terminal gets lines", t.until(rb"Z redirect: redirected \d+ \(\d+/s\), messages") and b"\x1b[?1049h" not in t.text,
      t.text)
t.end(lambda t: t.p.send_signal(signal.SIGTERM))

p = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
first = p.stdout.readline()
check("a pipe gets lines", re.match(rb"\d{4}-.*Z redirect: ", first), first)
p.stdout.close()
try:
    p.wait(20)
    check("and once nobody reads them it ends", True)
except subprocess.TimeoutExpired:
    p.kill()
    check("and once nobody reads them it ends", False)
t = Terminal(extra=["--color", "never"])
t.until(rb"\x1b\[J")
t.end(lambda t: os.write(t.master, b"q"))
check("without colours none", b"\x1b[1;32m" not in t.text)
print("1..%d" % N)
sys.exit(BAD != 0)
