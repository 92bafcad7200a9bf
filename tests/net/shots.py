"""Looks at a page of ours in a headless Chromium: shots.py CHROMIUM PAGE FOLDER

For each width a screenshot must show something, in more than a few colours, and nothing must reach the
page's right edge: text that does not fit would. The dark one must be dark. One line a width:
"WIDTH ok" or "WIDTH what is wrong".
"""
import os
import struct
import subprocess
import sys
import zlib

CHROMIUM, PAGE, FOLDER = sys.argv[1:4]
HEIGHT = 2400


def shoot(name, width, *more):
    path = os.path.join(FOLDER, name + ".png")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--hide-scrollbars", "--user-data-dir=" + os.path.join(FOLDER, "profile"),
               f"--window-size={width},{HEIGHT}", "--screenshot=" + path, *more, "file://" + PAGE]
    subprocess.run(command, cwd=FOLDER, check=True, timeout=60, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env=dict(os.environ, HOME=FOLDER))
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


for width in (1200, 800, 380):
    print(width, wrong(shoot(str(width), width), False) or "ok", flush=True)
print("dark", wrong(shoot("dark", 900, "--blink-settings=preferredColorScheme=0", "--force-dark-mode",
                          "--enable-features=WebContentsForceDark:none"), True) or "ok")
