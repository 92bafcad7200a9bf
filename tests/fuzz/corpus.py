#!/usr/bin/env python3
"""Corpora are text: an input a line, with \\r \\n \\t \\\\ \\xNN for what is not plain; # begins a
comment. libFuzzer wants a folder with a file for each.

usage: corpus.py expand CORPUS FOLDER      writes a file for each line
       corpus.py collect CORPUS FOLDER     writes a line for each file; comments stay with their line
       corpus.py add CORPUS FILE COMMENT   adds one input, unless it is there
"""
import hashlib
import os
import re
import sys

NAMED = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x5C: "\\\\"}
OCTET = {text[1]: bytes([octet]) for octet, text in NAMED.items()}


def escape(data):
    text = "".join(NAMED.get(o) or (chr(o) if 0x20 <= o < 0x7F else f"\\x{o:02x}") for o in data)
    if text.startswith("#"):
        text = "\\x23" + text[1:]
    return text[:-1] + "\\x20" if text.endswith(" ") else text


def unescape(line):
    def one(m):
        return bytes([int(m[1], 16)]).decode("latin-1") if m[1] else OCTET[m[2]].decode()

    return re.sub(r"\\(?:x([0-9a-f]{2})|(.))", one, line).encode("latin-1")


def lines(corpus):
    """[(comment lines, input)]"""
    found, comments = [], []
    if os.path.exists(corpus):
        with open(corpus, encoding="ascii") as f:
            for line in f.read().splitlines():
                if line.startswith("#"):
                    comments.append(line)
                elif line:
                    found.append((comments, unescape(line)))
                    comments = []
    return found


def save(corpus, inputs):
    temporary = corpus + ".new"
    with open(temporary, "w", encoding="ascii") as f:
        for comments, data in inputs:
            f.write("".join(c + "\n" for c in comments) + escape(data) + "\n")
    os.rename(temporary, corpus)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def expand(corpus, folder):
    for _, data in lines(corpus):
        with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as f:
            f.write(data)


def collect(corpus, folder):
    kept = [(comments, data) for comments, data in lines(corpus) if comments]
    known = {data for _, data in kept} | {b""}
    new = {read(os.path.join(folder, name)) for name in os.listdir(folder)} - known
    save(corpus, kept + [([], data) for data in sorted(new, key=lambda d: (len(d), d))])


def add(corpus, path, comment):
    kept = lines(corpus)
    if read(path) not in (data for _, data in kept):
        save(corpus, [([f"# {comment}"], read(path))] + kept)


if __name__ == "__main__":
    {"expand": expand, "collect": collect, "add": add}[sys.argv[1]](*sys.argv[2:])
