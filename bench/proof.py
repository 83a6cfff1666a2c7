#!/usr/bin/env python3
"""Puts what failover tests measured into bench/RESULTS.md. Usage: proof.py REPORTS RESULTS"""
import datetime
import json
import os
import platform
import statistics
import sys

HEADING = "## Failover tests"


def report(folder, name):
    with open(os.path.join(folder, name, "report.json")) as file:
        return json.load(file)


def rank(values, percent):
    """The percentile of the nearest rank."""
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def seconds(ms):
    return f"{ms / 1000:.2f} s"


def main(folder, results):
    faults, lesson = report(folder, "faults"), report(folder, "lesson")
    with open(os.path.join(folder, "recording.json")) as file:
        recording = json.load(file)
    numbers = faults["numbers"]
    gaps = {}
    for row in faults["faults"]:
        if row["write_gap"]:
            gaps.setdefault(row["fault"], []).append(row["write_gap"]["ms"])
    healed = sum(row["verdict"] == "pass" for row in faults["faults"])
    everything = [gap for kind in gaps.values() for gap in kind]
    aims = {"kill": "the aim is 1.2 s at the median", "stop": "the aim is 0.7 s at the median"}
    acknowledged = sum(one["acknowledged"] for one in numbers["operations"].values())
    rows = [
        ("acknowledged operations, and writes of them that are lost", f"{acknowledged:,}, {numbers['lost_writes']} lost", "the aim is none"),
        ("faults injected, and healed with the set healthy again", f"{len(faults['faults'])}, {healed} healed", "the aim is all"),
        ("acknowledged writes a second before the first fault", f"{numbers['calm_writes']:,.0f}", "the aim is 2,000"),
    ]
    for kind, values in sorted(gaps.items()):
        text = f"{seconds(statistics.median(values))} ({seconds(min(values))} to {seconds(max(values))}, {len(values)} times)"
        rows.append((f"no write acknowledged after {kind}, hold included", text, aims.get(kind, "")))
    rows.append(("the same over all kinds, 99 of a hundred", seconds(rank(everything, 99)), "the aim is 6 s"))
    lost = lesson["numbers"]
    rows += [
        ("w:1 and a primary that is cut off: acknowledged writes lost", f"{lost['lost_writes']:,}", "the same tool must find some"),
        ("of them found in rollback files", f"{lost['rolled_back_acknowledged']:,} in {len(lost['rollback_files'])} files", ""),
        ("inserts a second with a history and without, in turn",
         f"{recording['with']['rate']:,.0f} and {recording['without']['rate']:,.0f}, {recording['ratio']:.3f} of it",
         "the aim is less than 5 % lost"),
        ("processor time of the workload for an insert, with a history and without",
         f"{recording['with']['cpu_us']:.0f} and {recording['without']['cpu_us']:.0f} µs", ""),
    ]
    about = faults["run"]
    text = [HEADING, "", f"{datetime.date.today()}, {os.cpu_count()} processors, Linux {platform.release()}, load of "
            f"{os.getloadavg()[1]:.1f} in the last minutes. `distctl failover-test rsA` on the product platform, "
            f"{about['clients']} clients, `{about['workload']}`, w:{about['write_concern']}, faults held for 1 s, seed "
            f"{about['seed']}, {about['seconds']:.0f} s. `make bench-proof` measures it again.", "",
            "| what | measured | aim |", "| --- | --- | --- |"]
    text += [f"| {what} | {measured} | {aim} |" for what, measured, aim in rows]
    with open(results) as file:
        before = file.read()
    head, _, rest = before.partition(HEADING)
    after = rest.partition("\n## ")[2]
    parts = [head.rstrip(), "\n".join(text)] + ([f"## {after.rstrip()}"] if after else [])
    with open(results, "w") as file:
        file.write("\n\n".join(parts) + "\n")


main(*sys.argv[1:])
