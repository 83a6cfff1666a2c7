#!/usr/bin/env python3
"""Puts what bench/bundles measured into bench/RESULTS.md. Usage: bundles.py WORK RESULTS"""
import datetime
import json
import os
import platform
import sys

HEADING = "## Bundles"


def main(work, results):
    def number(name):
        with open(os.path.join(work, name)) as file:
            return float(file.read())

    with open(os.path.join(work, "exported.json")) as file:
        exported = json.load(file)
    ours, theirs, size, their_size = number("ours"), number("theirs"), exported["size"], number("theirs_size")
    rows = [
        ("`distctl export`, the whole system", f"{ours:.1f} s", f"{ours / theirs:.2f} of `incus export`; the aim is 0.5"),
        ("`incus export` of the five containers, one after the other, gzip", f"{theirs:.1f} s", ""),
        ("size of the bundle", f"{size / 1e6:.0f} MB of {exported['content'] / 1e9:.1f} GB", f"{size / their_size:.2f} of theirs; the aim is 0.4"),
        ("size of the five", f"{their_size / 1e6:.0f} MB", ""),
        ("writes held back for the cut", f"{exported['manifest']['cut']['paused_ms']} ms", "the aim is 500 ms"),
        ("`distctl bundle verify`", f"{number('verify'):.1f} s", ""),
        ("`distctl import`, to verified health", f"{number('import'):.1f} s", f"{number('import') / number('cold'):.2f} of a cold `up`; the aim is 1.5"),
        ("`distctl bundle verify --restore`: up, looked through and removed, beside the other", f"{number('restore'):.1f} s", ""),
        ("peak memory of export, verify and import", ", ".join(f"{number(one + '_mb'):.0f} MB" for one in ("ours", "verify", "import")), "the aim is 300 MB"),
        ("cold `up` in the same lab", f"{number('cold'):.1f} s", ""),
    ]
    lines = [HEADING, "", f"{datetime.date.today()}, {os.cpu_count()} processors, Linux {platform.release()}, load of "
             f"{os.getloadavg()[0]:.1f} at the end. The product platform with 100,000 products, one run of `bench/bundles`: export in one lab, import in another.",
             "", "| what | measured | aim |", "| --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    with open(results) as file:
        text = file.read()
    before, _, after = text.partition(HEADING)
    rest = after.partition("\n## ")[2] if after else ""
    with open(results, "w") as file:
        file.write(before.rstrip() + "\n\n" + "\n".join(lines) + "\n" + (f"\n## {rest}" if rest else ""))


main(sys.argv[1], sys.argv[2])
