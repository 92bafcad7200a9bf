#!/usr/bin/env python3
"""What a KumoMTA answers about the paths to domains: kumod.py HOW, where HOW is
http PORT MODE (later, release, garbage, hang, some): the administrative listener;
path DOMAIN: the path configuration alone, as JSON; answer DOMAIN: the whole answer."""
import json
import socketserver
import sys
import time
import urllib.parse

PATH = {
    "connection_limit": 10, "enable_tls": "Opportunistic", "enable_mta_sts": True, "enable_dane": False,
    "smtp_port": 25, "ip_lookup_strategy": "Ipv4AndIpv6", "remember_broken_tls": None, "use_lmtp": False,
    "smtp_auth_plain_username": None, "prohibited_hosts": ["127.0.0.0/8", "::/127", "0.0.0.0"],
    "skip_hosts": [], "provider_name": None,
}
GOOGLE = {"enable_tls": "Required", "provider_name": "google", "remember_broken_tls": "3 days"}
PATHS = {
    "row1.s.test": GOOGLE,
    "plain.u.test": {"enable_tls": "RequiredInsecure"},
    "row14.s.test": {"enable_dane": True, "enable_tls": "OpportunisticInsecure"},
    "row4.s.test": {"enable_tls": "Disabled"},
    "row6.s.test": {"smtp_port": 2525},
    "x.wild.s.test": {"enable_tls": "Mandatory"},
    "sts.s.test": {"enable_mta_sts": False},
    "row8.s.test": {"smtp_auth_plain_username": "me"},
}
QUEUES = {"row11.u.test": {"custom_lua": {"constructor": "make.http"}},
          "row7.s.test": {"smtp": {"mx_list": ["smart.example:587"]}}}


def path(domain):
    return dict(PATH, **PATHS.get(domain, {}))


def answer(domain):
    queue = {"egress_pool": "we're .. in" if domain.startswith("row") else None, "protocol": QUEUES.get(domain, {"smtp": {"mx_list": []}})}
    mx = {"site_name": "mx." + domain, "by_preference": {"10": ["mx." + domain]}, "is_mx": True, "is_secure": False}
    return {"path_config": path(domain), "queue_config": queue, "mx": None if domain == "row10.s.test" else mx}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        words = self.rfile.readline().split()
        while self.rfile.readline().strip():
            pass
        url = urllib.parse.urlsplit(words[1].decode())
        domain = urllib.parse.parse_qs(url.query).get("domain", [""])[0]
        status, body = 200, json.dumps(answer(domain))
        if MODE == "hang":
            time.sleep(30)
        if MODE == "release":
            status, body = 404, "not found"
        if MODE == "garbage" or (MODE == "some" and not domain.startswith("example")):
            body = "<html>it works</html>"
        head = "HTTP/1.0 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.wfile.write((head + body).encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if sys.argv[1] == "http":
    MODE = sys.argv[3]
    with Server(("127.0.0.1", int(sys.argv[2])), Handler) as server:
        print("ready", flush=True)
        server.serve_forever()
print(json.dumps(path(sys.argv[2]) if sys.argv[1] == "path" else answer(sys.argv[2])))
