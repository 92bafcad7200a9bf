#!/usr/bin/env python3
"""A stand-in for kumod's HTTP listener, by its documented shape: what is queued is read anew from a
file for each request. Process name: kumod.
usage: kumod.py PORT FILE [ADDRESS]    FILE: JSON {"liveness": 200, "scheduled": 3, "ready": 0, ...}
"how" in it: good, none (no message yet), text, cut, pieces, hang, closed, huge, 403, wrong, flat,
negative"""
import ctypes, json, socket, sys, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ctypes.CDLL(None).prctl(15, b"kumod")  # PR_SET_NAME
PORT, FILE = int(sys.argv[1]), sys.argv[2]
LOCK = threading.Lock()
ORDERS = []


def state():
    return json.load(open(FILE))


def save(s):
    with open(FILE, "w") as f:
        json.dump(s, f)


def gauge(n):
    return {"help": "x", "type": "gauge", "value": n}


def metrics(s):
    m = {"lua_count": gauge(1.0), "memory_limit": gauge(1e9)}
    if s["how"] != "none":
        n = s.get("scheduled", 0)
        m["scheduled_count_total"] = gauge(float(n))
        m["scheduled_count"] = {"type": "gauge", "value": {"queue": {"gmail.com": float(n)}}}
        m["ready_count"] = {"type": "gauge", "value": {"service": {
            "smtp_client": float(s.get("ready", 0)), "smtp_client:source->mx": float(s.get("ready", 0))}}}
        m["message_count"] = gauge(s.get("messages", n))
    if s["how"] == "wrong":
        m["message_count"] = gauge("many")
    if s["how"] == "flat":
        m["ready_count"] = gauge(0)
    if s["how"] == "negative":
        m["message_count"] = gauge(-1)
    if s["how"] == "other":
        m = {"up": gauge(1)}
    return json.dumps(m)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def say(self, status, text, size=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text) if size is None else size))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        with LOCK:
            s = state()
        if self.path == "/api/check-liveness/v1":
            status = s.get("liveness", 200)
            return self.say(status, "OK" if status == 200 else "waiting for spool enumeration")
        if self.path != "/metrics.json":
            return self.say(404, "no")
        how = s["how"]
        if how == "hang":
            time.sleep(60)
        elif how == "closed":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif how == "cut":
            text = metrics(s)
            self.say(200, text[:40], len(text))
        elif how == "text":
            self.say(200, "# HELP message_count\nmessage_count 0\n")
        elif how == "pieces":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\n{}\r\n0\r\n\r\n")
        elif how == "403":
            self.say(403, "not a trusted address")
        elif how == "drip":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            for i in range(100):
                self.wfile.write(b"x-%d: y\r\n" % i)
                self.wfile.flush()
                time.sleep(0.2)
        else:
            self.say(200, metrics(s))

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def do_POST(self):
        asked = self.body()
        if self.path != "/api/admin/bounce/v1" or set(asked) != {"reason"}:
            return self.say(400, "bad order")
        order = str(uuid.uuid4())
        with LOCK:
            s = state()
            s["orders"] = s.get("orders", []) + [order]
            save(s)
        # As the real one: what is in the queues goes at once, the rest a little later.
        threading.Timer(1, self.empty).start()
        self.say(200, json.dumps({"id": order, "bounced": {}, "total_bounced": 0}))

    def empty(self):
        with LOCK:
            s = state()
            if s.get("orders"):
                s.update(scheduled=0, ready=0, messages=0)
                save(s)

    def do_DELETE(self):
        order = self.body()["id"]
        with LOCK:
            s = state()
            known = order in s.get("orders", [])
            s["orders"] = [o for o in s.get("orders", []) if o != order]
            save(s)
        self.say(200 if known else 404, "removed")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        """Without looking up the name of its address."""
        self.server_name, self.server_port = self.server_address
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)


address = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
Server.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
server = Server((address, PORT), Handler)
print("ready", flush=True)
server.serve_forever()
