"""What surrounds the sink goes wrong: inherited signals and descriptors, clients of the control
socket that hang, deaths, system calls that fail (by a preloaded library that fails them)."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from control import is_reset
from sinktest import LIMIT, PROGRAM, Sink, free_port, read_all, sanitized, talk, wait_for

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
static int due(const char *name)
{
    const char *n = getenv(name);
    static int seen;
    return n && ++seen == atoi(n);
}
int epoll_create1(int flags)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "epoll_create1");
    if (!due("FAIL_CREATE"))
        return real(flags);
    errno = EMFILE;
    return -1;
}
int epoll_ctl(int fd, int op, int of, struct epoll_event *ev)
{
    int (*real)(int, int, int, struct epoll_event *) =
        (int (*)(int, int, int, struct epoll_event *))dlsym(RTLD_NEXT, "epoll_ctl");
    if (op != EPOLL_CTL_ADD || !due("FAIL_ADD"))
        return real(fd, op, of, ev);
    errno = ENOMEM;
    return -1;
}
"""


def with_shim(test):
    """Runs test(environment that preloads the library)."""
    with tempfile.TemporaryDirectory(prefix="kr-smtp-") as d:
        os.chmod(d, 0o755)
        library = os.path.join(d, "shim.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-x", "c", "-"],
                       input=SHIM.encode(), check=True)
        return test({"LD_PRELOAD": library})


def never_ready(env):
    """The only worker fails: no READY, status 3, and it says why."""
    ready, writer = os.pipe()
    p = subprocess.Popen([PROGRAM, "-l", f"127.0.0.1:{free_port()}", "-w", "1", "--ready-fd",
                          str(writer)], pass_fds=[writer], stderr=subprocess.PIPE,
                         env=dict(os.environ, FAIL_CREATE="1", **env))
    os.close(writer)
    said = p.communicate(timeout=LIMIT)[1].decode()
    got = os.read(ready, 10)
    os.close(ready)
    good = got == b"" and p.returncode == 3 and "0 of 1 workers" in said
    return None if good else f"{got}, status {p.returncode}: {said}"


def no_place(env):
    """A connection epoll does not take is closed, and the next one hears one greeting, its own."""
    with Sink(env=dict(os.environ, FAIL_ADD="5", **env)) as sink:  # signals, timer, two listeners, this
        with sink.connect() as s:
            lost = read_all(s)
        got = talk(sink, [b"QUIT\r\n"])
    good = lost == b"" and got.count(b"\r\n220 ") + got.startswith(b"220 ") == 1
    return None if good else f"{lost} {got}"


def ignored_children():
    """SIGCHLD ignored by who starts it: workers are replaced all the same, and it ends."""
    old = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        sink = Sink()
    finally:
        signal.signal(signal.SIGCHLD, old)
    with sink:
        worker = sink.workers()[0]
        os.kill(worker, signal.SIGKILL)
        if not wait_for(lambda: sink.workers() and worker not in sink.workers(), 5):
            return "the worker is not replaced"
        return None if sink.end() == 0 else "the status is not 0"


def closed_standard_fds():
    """Descriptors 0 to 2 that were closed are /dev/null, in master and worker."""
    ready, writer = os.pipe()
    for fd in (ready, writer):
        if fd < 3:
            return "the test itself has no standard descriptors"
    pid = os.fork()
    if pid == 0:
        for fd in range(3):
            os.close(fd)
        os.set_inheritable(writer, True)
        os.execv(PROGRAM, [PROGRAM, "-l", f"127.0.0.1:{free_port()}", "-w", "1", "--ready-fd",
                           str(writer)])
    os.close(writer)
    got = os.read(ready, 10)
    os.close(ready)
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        both = [pid] + [int(c) for c in f.read().split()]
    links = [os.readlink(f"/proc/{p}/fd/{n}") for p in both for n in range(3)]
    os.kill(pid, signal.SIGTERM)
    status = os.waitpid(pid, 0)[1]
    return None if got == b"READY\n" and links == ["/dev/null"] * 6 and status == 0 else f"{got} {links} {status}"


def killed_master():
    with Sink(workers=2) as sink:
        held = [sink.connect() for _ in range(20)]
        if not wait_for(lambda: sink.stats()["open"] == 20):
            return "not all are open"
        sink.process.kill()
        sink.process.wait(LIMIT)
        resets = sum(is_reset(s) for s in held)
        for s in held:
            s.close()
    return None if resets == 20 else f"{resets} of 20 were reset"


def idle_control_clients():
    with Sink() as sink:
        held = []
        for _ in range(100):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(LIMIT)
            s.connect(sink.control)
            held.append(s)
        pong = sink.ask("ping")["pong"]
        for s in held:
            s.close()
    return None if pong == "c0ffee" else pong


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))


def stop_and_go():
    """Who asked for the stop is gone before its answer: the master waits without using the CPU."""
    with Sink() as sink:
        worker, before = sink.workers()[0], ticks(sink.process.pid)
        os.kill(worker, signal.SIGSTOP)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(sink.control)
            s.sendall(b"stop\n")
        try:
            sink.process.wait(1)
            return "it ended without its worker"
        except subprocess.TimeoutExpired:
            used = ticks(sink.process.pid) - before
        os.kill(worker, signal.SIGCONT)
        status = sink.process.wait(LIMIT)
    return None if used < 20 and status == 0 else f"{used} ticks in a second, status {status}"


def run(tap):
    for test in (ignored_children, closed_standard_fds, killed_master, idle_control_clients,
                 stop_and_go):
        tap.run(f"faults: {test.__name__.replace('_', ' ')}", test)
    for test in (never_ready, no_place):
        name = f"faults: {test.__name__.replace('_', ' ')}"
        if sanitized() or not shutil.which("cc"):
            tap.skip(name, "no compiler, or a sanitizer that does not like preloaded libraries")
        else:
            tap.run(name, with_shim, test)
