#!/usr/bin/env python3
"""Measures distctl beside two yardsticks, and how long a failover is felt. Runs inside a lab: see bench/run.

Every figure is the median of the rounds, and the yardsticks run in turn with distctl, so that ratios hold on a machine
whose speed drifts."""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import threading
import time

import pymongo
import pymongo.errors

DISTCTL = "target/release/distctl"
MONGOD_IMAGE = "debian/12-mongod"
YARDSTICK_CONTAINERS = ["auth-server", "web-server", "db1", "db2", "db3"]
PURE = [("parse", ""), ("expand", ""), ("diff with nothing there", "the aim of a plan is 100 ms"),
        ("diff with all settled", "the aim of a plan is 100 ms")]
FAVOURITE = ("10.10.10.12", 27017)
HOSTS = [f"10.10.10.12:{port}" for port in (27017, 27018, 27019)]


def incus(*words, **options):
    return subprocess.run(["incus", *words], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def timed(command, **environment):
    """Runs a command and gives seconds, peak resident MB and the end of its output."""
    begun = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    if status:
        sys.exit(f"{command} failed:\n{output}")
    return seconds, usage.ru_maxrss / 1024, output


def yardstick(name, prefix):
    seconds, _, _ = timed([f"bench/yardsticks/{name}", "default", prefix, "20"], IMG=MONGOD_IMAGE)
    incus("delete", "--force", *[prefix + container for container in YARDSTICK_CONTAINERS])
    return seconds


def cold_up():
    seconds, memory, _ = timed([DISTCTL, "up", "--yes", "--progress", "quiet"])
    return seconds, memory


def destroy():
    timed([DISTCTL, "destroy", "--yes", "--progress", "quiet"])


def cold(rounds):
    # The first container of an image unpacks it; that is nobody's time.
    for image in ("debian/12", MONGOD_IMAGE):
        incus("launch", "--quiet", image, "warm", "--network", "incusbr0")
        incus("delete", "--force", "warm")
    seeds, limits, ups, memories = [], [], [], []
    for turn in range(rounds):
        seeds.append(yardstick("seed_script.sh", "s-"))
        limits.append(yardstick("limit.py", "l-"))
        seconds, memory = cold_up()
        ups.append(seconds)
        memories.append(memory)
        print(f"round {turn + 1}: seed_script {seeds[-1]:.1f} s, limit {limits[-1]:.1f} s, distctl {seconds:.1f} s",
              flush=True)
        if turn + 1 < rounds:
            destroy()
    return seeds, limits, ups, max(memories)


def warm(command, runs=7):
    return statistics.median(timed([DISTCTL, *command])[0] for _ in range(runs))


class Writer(threading.Thread):
    """Inserts with w:majority and without retries, as fast as it can, and keeps when each succeeded."""

    def __init__(self, password):
        super().__init__(daemon=True)
        self.client = pymongo.MongoClient(HOSTS, replicaSet="rsA", username="admin", password=password,
                                          retryWrites=False, serverSelectionTimeoutMS=30000, w="majority")
        self.successes, self.going = [], True

    def run(self):
        collection = self.client.bench.writes
        while self.going:
            try:
                collection.insert_one({"at": time.time()})
                self.successes.append(time.monotonic())
            except pymongo.errors.PyMongoError:
                pass


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def healthy(client):
    try:
        states = [member["stateStr"] for member in client.admin.command("replSetGetStatus")["members"]]
        return sorted(states) == ["PRIMARY", "SECONDARY", "SECONDARY"]
    except pymongo.errors.PyMongoError:
        return False


def writes_to_rsa():
    """Waits until rsA is as it should be and gives a writer that is at work on it."""
    password = incus("exec", "db1", "--", "cat", "/var/lib/distctl/secrets/rsA.admin").strip()
    writer = Writer(password)
    wait_until(lambda: healthy(writer.client), "a healthy rsA")
    wait_until(lambda: writer.client.primary == FAVOURITE, "the return of the favourite as primary")
    writer.start()
    wait_until(lambda: len(writer.successes) > 200, "200 writes")
    return writer


def write_gap(fault):
    """Breaks the primary of rsA while writes run, and gives the seconds until a write succeeded again."""
    writer = writes_to_rsa()
    before = writer.successes[-1]
    incus("exec", "db1", "--", *fault, "mongod-27017.service")
    wait_until(lambda: writer.client.primary not in (None, FAVOURITE), "another primary")
    count = len(writer.successes)
    wait_until(lambda: len(writer.successes) > count + 50, "writes after the fault")
    writer.going = False
    writer.join()
    incus("exec", "db1", "--", "systemctl", "start", "mongod-27017.service")
    times = [moment for moment in writer.successes if moment >= before]
    writer.client.close()
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def gaps(fault, rounds):
    found = [write_gap(fault) for _ in range(rounds)]
    print(f"{' '.join(fault)}: " + ", ".join(f"{gap:.2f} s" for gap in found), flush=True)
    return found


def roll_gap():
    """Restarts rsA member by member while writes run, and gives the longest time without a success."""
    writer = writes_to_rsa()
    timed([DISTCTL, "restart", "rsA", "--yes", "--progress", "quiet"])
    count = len(writer.successes)
    wait_until(lambda: len(writer.successes) > count + 50, "writes after the restart")
    writer.going = False
    writer.join()
    writer.client.close()
    return max(later - earlier for earlier, later in zip(writer.successes, writer.successes[1:]))


def pure_stages():
    """What criterion measured of the pure stages, in milliseconds; `make bench` runs it before."""
    found = {}
    for folder in pathlib.Path("target/criterion/1000 containers").glob("*/new"):
        estimates = json.loads((folder / "estimates.json").read_text(encoding="utf-8"))
        found[folder.parent.name] = estimates["median"]["point_estimate"] / 1e6
    return found


def spread(values, digits=1):
    return f"{statistics.median(values):.{digits}f} s ({min(values):.{digits}f} to {max(values):.{digits}f})"


def report(rounds, faults):
    incus("network", "create", "incusbr0", "ipv4.address=10.10.10.1/24", "ipv4.nat=true", "ipv6.address=none")
    seeds, limits, ups, memory = cold(rounds)
    noop, plan, status = warm(["up"]), warm(["plan"]), warm(["status"])
    killed = gaps(["systemctl", "kill", "--signal=KILL", "--kill-whom=main"], faults)
    stopped = gaps(["systemctl", "stop"], faults)
    rolls = [roll_gap() for _ in range(rounds)]
    pure = pure_stages()
    up = statistics.median(ups)
    rows = [
        ("`distctl up` of topology.yaml, cold", spread(ups), ""),
        ("the course's steps, one after the other (`yardsticks/seed_script.sh`)", spread(seeds),
         f"distctl takes {up / statistics.median(seeds):.2f} of it; the aim is 0.45"),
        ("the floor (`yardsticks/limit.py`: no authentication, mongod already in the image)", spread(limits),
         f"distctl takes {up / statistics.median(limits):.2f} of it; the aim is 1.3"),
        ("`distctl up` with nothing to do", f"{noop:.2f} s", "the aim is 1 s"),
        ("`distctl plan`", f"{plan:.2f} s", "the aim is 0.7 s"),
        ("`distctl status`", f"{status:.2f} s", "the aim is 0.7 s"),
        ("peak memory of distctl during a cold `up`", f"{memory:.0f} MB", "the aim is 60 MB"),
        ("no write succeeded after kill -9 of the primary", spread(killed, 2), "the aim is 1.2 s at the median"),
        ("no write succeeded after `systemctl stop` of the primary", spread(stopped, 2),
         "the aim is 0.7 s at the median"),
        ("longest time without a write while `distctl restart rsA` rolls through", spread(rolls, 2), ""),
    ]
    rows += [(f"1,000 containers, pure: {stage}", f"{pure[stage]:.0f} ms", aim) for stage, aim in PURE if stage in pure]
    machine = f"{os.cpu_count()} processors, Linux {platform.release()}, btrfs pool on a loop file"
    lines = ["# Results of `make bench`", "",
             f"{time.strftime('%Y-%m-%d')}, {machine}. Medians of {rounds} rounds ({faults} for failovers, 7 for commands that "
             "change nothing), least and most in brackets; the rows that are compared ran in turn.", "",
             "| what | time | ratio or aim |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {what} | {figure} | {note} |" for what, figure, note in rows]) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--faults", type=int, default=5)
    arguments.add_argument("--into", required=True)
    arguments = arguments.parse_args()
    text = report(arguments.rounds, arguments.faults)
    with open(arguments.into, "w", encoding="utf-8") as results:
        results.write(text)
    print(text)


main()
