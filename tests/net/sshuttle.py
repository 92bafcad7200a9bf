#!/usr/bin/env python3
"""sshuttle.py nft|nat PROXY-HOST PORT: what sshuttle's client does on a host, around its real firewall process.

Everything by IPv4 and IPv6 but PROXY-HOST goes to a port where this program listens; it carries each
connection to PROXY-HOST:PORT, which stands for the far end of the tunnel. Prints "ready", ends with its
parent's signal; sshuttle then undoes its rules.
"""
import socket
import subprocess
import sys
import threading

PORT = 12300


def carry(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


def serve(client, host, port):
    with client, socket.create_connection((host, port), timeout=5) as far:
        back = threading.Thread(target=carry, args=(far, client), daemon=True)
        back.start()
        carry(client, far)
        back.join(5)


def firewall(method, host):
    ours, theirs = socket.socketpair()
    # It reads its commands from what is its standard output.
    subprocess.Popen(["sshuttle", "--firewall", "--method", method], stdin=theirs, stdout=theirs)
    theirs.close()
    said = ours.makefile("r")
    if not said.readline().startswith("READY"):
        sys.exit("sshuttle's firewall did not start")
    ours.sendall(
        f"ROUTES\n2,0,0,0.0.0.0,0,0\n10,0,0,::,0,0\n2,32,1,{host},0,0\nNSLIST\n"
        f"PORTS {PORT},{PORT},0,0\nGO 0 - 0x01 1\n".encode())
    if not any(line == "STARTED\n" for line in said):
        sys.exit("sshuttle's firewall set nothing up")
    return ours


def main():
    method, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    listener = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
    keep = firewall(method, host)
    print("ready", flush=True)
    while keep:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, host, port), daemon=True).start()


main()
