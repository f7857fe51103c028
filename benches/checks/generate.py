"""Writes a stock export of about so many bytes: the same for the same seed. Used by `run`."""

import random
import sys

SITES = ["alesund", "tromso", "bergen", "bodo"]
UNITS = ["kg", "pcs"]
BLOCK = 20_000


def rows(chance, first):
    for lot in range(first, first + BLOCK):
        quantity = f"{chance.lognormvariate(3, 1):.2f}"
        price = f"{chance.uniform(5, 400):.2f}"
        day = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        note = "" if chance.random() < 0.9 else "frozen, grade A"
        if "," in note:
            note = f'"{note}"'
        sku = f"{1000 + chance.randint(0, 4999)}"
        yield f"L{lot:09},{sku},{chance.choice(SITES)},{chance.choice(UNITS)},{quantity},{price},{day},{note}\n"


def main():
    path, bytes_wanted, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        written = file.write("lot,sku,site,unit,qty_kg,price,counted,note\n")
        # A block is made once and numbered anew: making each row by chance would take longer than all that is measured.
        block = "".join(rows(chance, 0)).splitlines(keepends=True)
        lot = 0
        while written < bytes_wanted:
            written += file.write("".join(f"L{lot + place:09}{row[10:]}" for place, row in enumerate(block)))
            lot += len(block)


main()
