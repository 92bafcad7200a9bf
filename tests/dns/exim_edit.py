#!/usr/bin/env python3
"""Does with Exim's configuration what a person does who follows what `preflight --emit exim` prints.
exim_edit.py apply EMITTED CONF: each line goes where that of its name is, or else to the transport's end.
exim_edit.py undo CONF: where a comment says "it was", the line below it becomes that again."""
import re
import sys

TRANSPORT = re.compile(r'# In the transport "(.*)":$')
WAS = re.compile(r"\s*# it was: (\w+) = (.*)$")
OPTION = re.compile(r"\s*(\w+)\s*=")


def end_of(lines, at):
    while lines[at].rstrip().endswith("\\"):
        at += 1
    return at + 1


def emitted(lines):
    """(transport, name, the lines of it)"""
    transport = None
    for at, line in enumerate(lines):
        if found := TRANSPORT.match(line):
            transport = found[1]
        elif found := WAS.match(line):
            yield transport, found[1], lines[at:end_of(lines, at + 1)]


def put(conf, transport, name, new):
    start = conf.index(f"{transport}:")
    end = next((i for i in range(start + 1, len(conf)) if re.match(r"\w+:$|begin ", conf[i])), len(conf))
    for at in range(start + 1, end):
        if (found := OPTION.match(conf[at])) and found[1] == name:
            conf[at:end_of(conf, at)] = new
            return
    conf[end:end] = new


def undo(conf):
    at = 0
    while at < len(conf):
        if found := WAS.match(conf[at]):
            conf[at:end_of(conf, at + 1)] = [f"  {found[1]} = {found[2]}"]
        at += 1


def main():
    with open(sys.argv[-1]) as f:
        conf = f.read().split("\n")
    if sys.argv[1] == "undo":
        undo(conf)
    else:
        with open(sys.argv[2]) as f:
            for transport, name, new in emitted(f.read().split("\n")):
                put(conf, transport, name, new)
    with open(sys.argv[-1], "w") as f:
        f.write("\n".join(conf))


main()
