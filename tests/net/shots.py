"""Looks at a page of ours in a headless Chromium: shots.py CHROMIUM PAGE FOLDER

For each width a screenshot must show something, in more than a few colours, and nothing must reach the
page's right edge: text that does not fit would. The dark one must be dark, and printed from there it
must be dark ink on white paper again. One line a width: "WIDTH ok" or "WIDTH what is wrong".
"""
import os
import re
import struct
import subprocess
import sys
import zlib

CHROMIUM, PAGE, FOLDER = sys.argv[1:4]
HEIGHT = 2400


def chromium(*more):
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--hide-scrollbars", "--user-data-dir=" + os.path.join(FOLDER, "profile"), *more, "file://" + PAGE]
    subprocess.run(command, cwd=FOLDER, check=True, timeout=60, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env=dict(os.environ, HOME=FOLDER))


def shoot(name, width, *more):
    path = os.path.join(FOLDER, name + ".png")
    chromium(f"--window-size={width},{HEIGHT}", "--screenshot=" + path, *more)
    return read(path)


def read(path):
    """Rows of pixels of a PNG (RFC 2083) without a palette."""
    with open(path, "rb") as f:
        data = f.read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        at += 12 + size
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
    octets = {2: 3, 6: 4}[colour]
    assert depth == 8
    raw, line, rows, before = zlib.decompress(packed), width * octets, [], bytearray(width * octets)
    for y in range(height):
        before = unfilter(raw[y * (line + 1)], bytearray(raw[y * (line + 1) + 1:(y + 1) * (line + 1)]),
                          before, octets)
        rows.append(before)
    return width, octets, rows


def unfilter(kind, row, above, n):
    if kind == 0:
        return row
    for i in range(len(row)):
        left = row[i - n] if i >= n else 0
        corner = above[i - n] if i >= n else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = above[i]
        elif kind == 3:
            guess = (left + above[i]) // 2
        else:
            p = left + above[i] - corner
            guess = min((left, above[i], corner), key=lambda v: abs(p - v))
        row[i] = (row[i] + guess) & 255
    return row


def wrong(shot, dark):
    width, n, rows = shot
    paper = bytes(rows[0][:3])
    colours = {bytes(row[i:i + 3]) for row in rows[::5] for i in range(0, len(row), 5 * n)}
    if len(colours) < 12:
        return f"only {len(colours)} colours: blank?"
    if (sum(paper) < 300) != dark:
        return f"the paper is {paper.hex()}"
    edge = sum(bytes(row[(width - 4) * n:(width - 4) * n + 3]) != paper for row in rows)
    if edge:
        return f"{edge} rows reach the right edge"
    inked = sum(any(bytes(row[i:i + 3]) != paper for i in range(0, len(row), 7 * n)) for row in rows)
    return "" if inked > 900 else f"only {inked} rows show something"


def drawn(data):
    """What is drawn on each page of a PDF: its streams of operators, unpacked."""
    for found in re.finditer(rb"stream\r?\n", data):
        try:
            operators = zlib.decompressobj().decompress(data[found.end():])
        except zlib.error:
            continue
        if b" rg" in operators:
            yield operators


def wrong_print():
    path = os.path.join(FOLDER, "print.pdf")
    chromium("--no-pdf-header-footer", "--blink-settings=preferredColorScheme=0", "--print-to-pdf=" + path)
    with open(path, "rb") as f:
        data = f.read()
    sheets, pages = len(re.findall(rb"/Type /Page\b", data)), list(drawn(data))
    if not 1 <= sheets <= 8 or len(pages) != sheets:
        return f"{sheets} sheets, {len(pages)} with something on them"
    for page in pages:
        paper = re.search(rb"([\d.]+ [\d.]+ [\d.]+) rg", page)[1]
        if paper != b"1 1 1":
            return f"the paper is {paper.decode()}"
    inks = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) rg\s(?:[^\n]*\n){0,4}?BT", b"\n".join(pages))
    pale = [ink for ink in inks if sum(map(float, ink)) > 2]
    words = sum(len(re.findall(rb"T[jJ]", page)) for page in pages)
    if pale or words < 100:
        return f"{words} pieces of text, {len(pale)} of {len(inks)} inks are pale: {pale[:3]}"
    return ""


for width in (1200, 800, 380):
    print(width, wrong(shoot(str(width), width), False) or "ok", flush=True)
print("dark", wrong(shoot("dark", 900, "--blink-settings=preferredColorScheme=0", "--force-dark-mode",
                          "--enable-features=WebContentsForceDark:none"), True) or "ok")
print("printed", wrong_print() or "ok")
