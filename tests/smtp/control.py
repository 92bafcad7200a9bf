"""Start, control socket, end: what those who run the sink rely on."""
import os
import signal
import socket
import subprocess
import tempfile
import time

from sinktest import LIMIT, PROGRAM, Sink, free_port, read_reply, sanitized, wait_for


def ping():
    with Sink() as sink:
        got = sink.ask("ping")
        want = {"schema": "kumo-sink/control/1", "pong": "c0ffee", "pid": sink.process.pid}
        mode = os.stat(sink.control).st_mode & 0o777
    return None if got == want and mode == 0o600 else f"{got}, mode {mode:o}"


def powerless():
    """Neither master nor worker is root or has a capability."""
    with Sink() as sink:
        for pid in [sink.process.pid] + sink.workers():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                s = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
            caps = {s[c] for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
            if "0" in s["Uid"].split() or caps != {"0" * 16} or s["NoNewPrivs"] != "1":
                return f"process {pid}: {s['Uid']}, {caps}, {s['NoNewPrivs']}"
            if os.geteuid() == 0 and s["Groups"].strip():
                return f"process {pid} has groups {s['Groups']}"
    return None


def filtered():
    """The kernel refuses workers what serving does not need (Seccomp: 2, see proc(5))."""
    with Sink(workers=2) as sink:
        for pid in sink.workers():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                mode = next(line.split()[1] for line in f if line.startswith("Seccomp:"))
            if mode != "2" and not sanitized():
                return f"process {pid}: mode {mode}"
    return None


def is_reset(s):
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


def stop_resets(how):
    """Every connection is reset, the account is given, the status is 0, no worker is left."""
    with Sink(workers=2) as sink:
        held = [sink.connect() for _ in range(50)]
        if not wait_for(lambda: sink.stats()["open"] == 50):
            return "not all are open"
        workers = sink.workers()
        account = sink.ask("stop") if how == "stop" else sink.process.send_signal(how)
        status = sink.process.wait(LIMIT)
        resets = sum(is_reset(s) for s in held)
        for s in held:
            s.close()
        left = [w for w in workers if os.path.exists(f"/proc/{w}")]
        good = status == 0 and resets == 50 and not left
        good = good and (how != "stop" or account["connections"] == 50 and account["open"] == 0)
    return None if good else f"status {status}, {resets} resets, left {left}, {account}"


def hangup():
    with Sink() as sink:
        sink.process.send_signal(signal.SIGHUP)
        return None if sink.ask("ping")["pong"] == "c0ffee" else "no answer"


def restart():
    """A worker that dies is counted, named and replaced; what it counted stays."""
    with Sink() as sink:
        with sink.connect() as s, s.makefile("rb") as f:
            read_reply(f)
            worker = sink.workers()[0]
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: worker not in sink.workers() and sink.workers())
        with sink.connect() as s, s.makefile("rb") as f:
            greeting = read_reply(f)[0]
        stats, said = sink.stats(), sink.said()
    good = greeting[:3] == b"220" and stats["worker_restarts"] == 1 and stats["connections"] == 2
    return None if good and f"process {worker}" in said else f"{greeting} {stats} {said}"


def orphans():
    """Workers die with a master that is killed."""
    with Sink(workers=2) as sink:
        workers = sink.workers()
        sink.process.kill()
        sink.process.wait(LIMIT)
        gone = wait_for(lambda: not any(os.path.exists(f"/proc/{w}/exe") for w in workers), 5)
    return None if gone else "workers are left"


def refused(args, status, *words):
    p = subprocess.run([PROGRAM] + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=LIMIT, check=False)
    text = p.stdout.decode()
    good = p.returncode == status and all(w in text for w in words)
    return None if good else f"status {p.returncode}: {text}"


def taken():
    with Sink() as sink:
        at = f"127.0.0.1:{sink.port}"
        other = f"127.0.0.1:{free_port()}"
        return (refused(["--listen", at], 3, at, "in use") or
                refused(["--listen", other, "--control", sink.control], 3, sink.control))


def stale():
    """A socket file nobody answers on is replaced; a file that is no socket is not."""
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "s")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        with Sink("--control", path) as sink:
            sink.control = path
            if sink.ask("ping")["pong"] != "c0ffee":
                return "not replaced"
        plain = os.path.join(d, "plain")
        with open(plain, "w", encoding="ascii") as f:
            f.write("mine")
        why = refused(["--listen", f"127.0.0.1:{free_port()}", "--control", plain], 3, plain)
        with open(plain, encoding="ascii") as f:
            return why or (None if f.read() == "mine" else "the file was changed")


def lifeline(keep):
    """EOF ends the sink, unless a K came before."""
    r, w = os.pipe()
    p = subprocess.Popen([PROGRAM, "-l", f"127.0.0.1:{free_port()}", "--lifeline-fd", str(r)],
                         pass_fds=[r], stderr=subprocess.DEVNULL)
    os.close(r)
    time.sleep(0.2)
    if p.poll() is not None:
        return f"ended at once, status {p.returncode}"
    if keep:
        os.write(w, b"K")
    os.close(w)
    try:
        status = p.wait(0.7 if keep else LIMIT)
    except subprocess.TimeoutExpired:
        p.terminate()
        return None if keep and p.wait(LIMIT) == 0 else "it goes on without its lifeline"
    return f"it ended, status {status}" if keep or status else None


def bad_options():
    rows = ([["--listen", "nonsense"], "'nonsense'"], [["--listen", "127.0.0.1:0"], "0"],
            [["--listen", "127.0.0.1-127.0.0.3:25"], "range"], [["--range", "10.0.0.1/8"], "10.0.0.1/8"],
            [["--nonce", "xyz"], "'xyz'"], [["--workers", "0"], "'0'"], [["--idle", "x"], "'x'"],
            [["--idle", "dot=3"], "after-data"], [["--idle", "data=0"], "'data=0'"],
            [["--max-recipients", "99"], "'99'"],
            [["--ready-fd", "999"], "999"], [["operand"], "'operand'"], [["--lsten", "x"], "--listen"])
    for args, word in rows:
        why = refused(args, 2, word)
        if why:
            return f"{args}: {why}"
    return refused(["--help"], 0, "Examples:") or refused(["--version"], 0, "kumo-sink ")


def root_user():
    return refused(["--listen", f"127.0.0.1:{free_port()}", "--user", "root"], 2, "never runs as root")


def ranges():
    """A connection to a local address outside of --range is reset at once and counted."""
    with Sink("--range", "127.0.0.0/30", "--range", "::2/128") as sink:
        with sink.connect() as s, s.makefile("rb") as f:
            inside = read_reply(f)[0][:3]
        try:
            with sink.connect("::1") as s:
                outside = is_reset(s)
        except ConnectionResetError:
            outside = True
        stats = sink.stats()
    good = inside == b"220" and outside and stats["refused_local"] == 1
    return None if good and stats["connections"] == 1 else f"{inside} {outside} {stats}"


def run(tap):
    for test in (ping, powerless, filtered, hangup, restart, orphans, taken, stale, bad_options, ranges):
        tap.run(f"control: {test.__name__.replace('_', ' ')}", test)
    if os.geteuid() == 0:
        tap.run("control: never as root", root_user)
    else:
        tap.skip("control: never as root", "not started as root")
    for how in ("stop", signal.SIGTERM, signal.SIGINT):
        tap.run(f"control: all are reset by {how}", stop_resets, how)
    tap.run("control: the lifeline is cut", lifeline, False)
    tap.run("control: the lifeline was let go", lifeline, True)
