#!/usr/bin/env python3
"""What recording costs a workload: inserts with and without a history, in turn. Usage: recording.py OUT

Speaks with the agent in web-server as distctl does (crates/protocol), and writes as that service to a collection beside
its products, which is dropped afterwards."""
import json
import statistics
import subprocess
import sys
import time

SECONDS, TURNS, CLIENTS = 8, 4, 64
HOSTS = [f"10.10.10.12:{port}" for port in (27017, 27018, 27019)]
LOGIN = {"user": "web-server", "password_file": "/var/lib/distctl/secrets/rsA.web-server"}


def agent(container, request):
    script = "exec /usr/local/lib/distctl/agent-* call"
    ran = subprocess.run(["incus", "exec", container, "--", "sh", "-c", script], input=json.dumps(request), text=True,
                         capture_output=True)
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    if not lines or "done" not in lines[-1]:
        sys.exit(f"the agent in {container}: {ran.stdout}{ran.stderr}")
    return lines[-1]["done"]


def cpu(container, unit):
    """Microseconds of processor time that a unit has had."""
    show = ["incus", "exec", container, "--", "systemctl", "show", "--property=CPUUsageNSec", "--value", unit]
    return int(subprocess.run(show, text=True, capture_output=True, check=True).stdout) / 1000


def turn(number, record):
    run = f"recording-{number}"
    agent("web-server", {"verb": "start_workload", "with": {
        "run": run, "kind": "inserts", "container": "web-server",
        "set": {"name": "rsA", "hosts": HOSTS, "credential": LOGIN}, "database": "products_db",
        "write_concern": "majority", "read_concern": "majority", "read_preference": "primary", "retry_writes": False,
        "clients": CLIENTS, "rate": 0, "record": record, "ttl_ms": 120_000, "app": None}})
    name, unit = {"run": run}, f"distctl-drill-{run}.service"
    ask = lambda: agent("web-server", {"verb": "ask_workload", "with": name})["workload"]
    before, spent = ask(), cpu("web-server", unit)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        time.sleep(min(1, max(0, deadline - time.monotonic())))
    after, spent = ask(), cpu("web-server", unit) - spent
    agent("web-server", {"verb": "remove_workload", "with": name})
    done = after["ok"] - before["ok"]
    return {"rate": done / ((after["now_us"] - before["now_us"]) / 1e6), "cpu_us": spent / done}


turns = [(turn(2 * number, True), turn(2 * number + 1, False)) for number in range(TURNS)]
rates = [{key: statistics.median(pair[side][key] for pair in turns) for key in ("rate", "cpu_us")} for side in (0, 1)]
result = {
    "with": rates[0], "without": rates[1],
    "ratio": statistics.median(pair[0]["rate"] / pair[1]["rate"] for pair in turns),
    "ratios": [pair[0]["rate"] / pair[1]["rate"] for pair in turns],
}
with open(sys.argv[1], "w") as out:
    json.dump(result, out, indent=2)
print(json.dumps(result))
