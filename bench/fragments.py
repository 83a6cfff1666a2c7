#!/usr/bin/env python3
"""Measures `distctl fragmentation-check` on the product platform of topology.yaml: how many documents a second a fragment
is looked through, in how much memory, and how long 10,000 misplaced documents take to be moved.

Runs inside a lab in which the platform is up, and empties its products:

    eval "$(lab/lab env)" && target/release/distctl up --yes
    PATH=$(lab/pymongo):$PATH lab/lab exec python3 bench/fragments.py [DOCUMENTS]
"""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pymongo

DISTCTL = os.environ.get("DISTCTL_BIN", "target/release/distctl")
SETS = {"rsA": ("db1", "10.10.10.12", "Azúcar"), "rsB": ("db2", "10.10.10.13", "Sal")}
MISPLACED = 10_000


def client(name):
    container, address, _ = SETS[name]
    password = subprocess.run(["incus", "file", "pull", f"{container}/var/lib/distctl/secrets/{name}.admin", "-"],
                              check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    hosts = [f"{address}:{port}" for port in (27017, 27018, 27019)]
    return pymongo.MongoClient(hosts, replicaSet=name, username="admin", password=password, w="majority")


def plant(name, count):
    products = client(name).products_db.products
    products.delete_many({})
    text = "a description of some length, as products have it " * 3
    for begin in range(0, count, 10_000):
        end = min(begin + 10_000, count)
        products.insert_many([{"name": f"{SETS[name][2]} {number}", "description": text, "price": 12.5, "stock": 3,
                               "category": "Abarrotes"} for number in range(begin, end)], ordered=False)


class Watch(threading.Thread):
    """The peak resident memory of agents, which are processes of the host too."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.over = {}, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if b"distctl" in (command := (process / "cmdline").read_bytes()) and command.endswith(b"call\0"):
                        status = (process / "status").read_text()
                        peak = int(status.split("VmHWM:")[1].split()[0])
                        self.peak[process.name] = max(peak, self.peak.get(process.name, 0))
                except (OSError, IndexError):
                    pass


def check(*arguments):
    command = [DISTCTL, "fragmentation-check", "products", "--no-probe", "--output", "json", "--yes", "--progress",
               "quiet", *arguments]
    watch, begun = Watch(), time.monotonic()
    watch.start()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    report = json.loads(process.stdout.read())[0]
    _, _, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    watch.over.set()
    return report, seconds, usage.ru_maxrss / 1024, max(watch.peak.values(), default=0) / 1024


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name in SETS:
        plant(name, count)
    for _ in range(3):
        report, seconds, memory, agent = check()
        for row in report["fragments"]:
            seen = row["seen"]
            print(f"{row['on']}: {seen['documents']} documents in {seen['took_ms'] / 1000:.2f} s, "
                  f"{seen['documents'] * 1000 // seen['took_ms']} a second, both at once")
        print(f"the whole check: {seconds:.2f} s, verdict {report['verdict']}, distctl {memory:.0f} MB, an agent {agent:.0f} MB")
    for name in SETS:
        plant(name, MISPLACED if name == "rsA" else 0)
    client("rsA").products_db.products.update_many({}, {"$set": {"name": "Sal"}})
    report, seconds, memory, agent = check("--repair")
    print(f"{report['repaired']['moved']} documents looked for, moved and looked for again: {seconds:.2f} s, "
          f"verdict {report['verdict']}, distctl {memory:.0f} MB, an agent {agent:.0f} MB")


main()
