#!/usr/bin/env python3
"""world.py COUNT [SEED]: so many domains of the world that tests/tools/dnsworld answers for, one a line,
in the shares of dns-policy: 28 % at Google, 22.6 % at Microsoft, 25 % at 40 hosting groups (Zipf 1.1),
20 % on groups of 1 to 20, 3 % with a host of their own, 1 % implicit MX, 0.3 % null MX, and what fails."""
import random
import sys

SHARES = [("g", 280), ("m", 226), ("h", 250), ("s", 185), ("o", 30), ("i", 10), ("n", 3),
          ("x", 5), ("f", 3), ("z", 2), ("b", 1), ("t", 5)]


def main():
    count = int(sys.argv[1])
    rand = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 25)
    kinds, weights = zip(*SHARES)
    zipf = [1 / (i + 1) ** 1.1 for i in range(40)]
    # The signed groups are not the largest: 2.6 % of all domains are on DANE hosts.
    order = list(range(13, 40)) + list(range(13))
    small, left = 0, 0
    lines = []
    for i, kind in enumerate(rand.choices(kinds, weights, k=count)):
        name = f"d{i}-{kind}"
        if kind == "h":
            name += f"-{rand.choices(order, zipf)[0]}"
        elif kind == "s":
            if not left:
                small, left = small + 1, rand.randint(1, 20)
            left -= 1
            name += f"-{small}"
        # Nine of ten domains on DANE hosts are signed themselves; 15 % of all.
        dane = kind == "h" and int(name.rsplit("-", 1)[1]) < 13
        lines.append(f"{name}.{'org' if rand.random() < (0.9 if dane else 0.13) else 'com'}\n")
        if len(lines) == 10000:
            sys.stdout.writelines(lines)
            lines.clear()
    sys.stdout.writelines(lines)


main()
