#!/usr/bin/env python3
"""The table of checks in README.md and in the manual page is that of the registry.

registry.py PROGRAM [--write]   compares (prints what differs, exits 1), or writes both
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "checks: begin (make check-tables)", "checks: end"


def waiver(c):
    return "advice" if c["advice"] else "yes" if c["waivable"] else "no"


def markdown(checks):
    lines = ["| check | what must hold | leak paths | waivable |", "|---|---|---|---|"]
    for c in checks:
        active = ", sends" if c["phase"] == "active" else ""
        lines.append(f"| `{c['id']}` | {c['title']} | {c['rows']} | {waiver(c)}{active} |")
    return lines


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-")


def manual(checks):
    lines = ['.Bl -tag -width Ds -compact']
    for c in checks:
        aside = {"advice": "; advice", "yes": "; may be waived", "no": ""}[waiver(c)]
        sends = "; sends something" if c["phase"] == "active" else ""
        lines += [f".It Cm {roff(c['id'])}", roff(c["title"] + aside + sends)]
    return lines + [".El"]


def replaced(text, comment, lines):
    begin, end = comment.format(BEGIN), comment.format(END)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"no '{begin}' … '{end}'")
    head, rest = text.split(begin)
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1]


def main():
    program, write = sys.argv[1], "--write" in sys.argv
    said = subprocess.run([program, "explain", "--format", "json"], check=True, capture_output=True)
    checks = json.loads(said.stdout)["checks"]
    bad = 0
    for name, comment, form in (
        ("README.md", "<!-- {} -->", markdown),
        ("contrib/man/kumo-redirect.8", '.\\" {}', manual),
    ):
        file = ROOT / name
        text = file.read_text()
        new = replaced(text, comment, form(checks))
        if write:
            file.write_text(new)
        elif new != text:
            print(f"{name}: its table of checks is not the registry's: make check-tables")
            bad = 1
    sys.exit(bad)


main()
