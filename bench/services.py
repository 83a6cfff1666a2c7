#!/usr/bin/env python3
"""Measures the product platform's services beside their equivalents in Flask. Runs inside a lab: see bench/services.

Ours run in their containers, deployed by distctl; theirs run as processes beside wrk, which is in their favour. Both have
the same mongods, logins, key, users and products. They are measured in turn, so that ratios hold on a machine whose speed
drifts."""
import argparse
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import pymongo

DISTCTL = os.environ.get("DISTCTL", "target/release/distctl")
OURS = {"web": "http://10.10.10.11:3000", "auth": "http://10.10.10.10:5000"}
THEIRS = {"web": "http://127.0.0.1:13000", "auth": "http://127.0.0.1:15000"}
SIDES = {"ours": OURS, "theirs": THEIRS}
PRODUCTS, CONNECTIONS, WARM_UP = 1000, 16, 2
TITLE = "## The services"


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def guest(container, script):
    return run("incus", "exec", container, "--", "sh", "-c", script)


def settings(container):
    """What distctl gave a service as its environment."""
    text = guest(container, f"cat /etc/distctl/{container}.env")
    return {name: json.loads(value) for name, value in re.findall(r'^(\w+)=(".*")$', text, re.MULTILINE)}


# --- what is measured against ------------------------------------------------------------------

def load(collections):
    """1,000 products, half of them in each fragment."""
    now = datetime.datetime.now(datetime.timezone.utc)
    for index, collection in enumerate(collections):
        collection.delete_many({})
        letters = [chr(ord("A") + 13 * index + letter) for letter in range(13)]
        collection.insert_many([
            {"name": f"{letters[number % 13]} producto {number}", "description": f"El producto número {number} de la lista",
             "price": number + 0.5, "stock": number, "category": f"categoría {number % 7}", "created_at": now, "updated_at": now}
            for number in range(PRODUCTS // 2)])


def forget_made(collections):
    for collection in collections:
        collection.delete_many({"category": "made"})


@contextlib.contextmanager
def flask(python, web, auth):
    """Their two services, each a process."""
    def start(name, port, **environment):
        with open(f"/tmp/bench-flask-{name}.log", "w", encoding="utf-8") as log:
            return subprocess.Popen([python, f"bench/flask/{name}.py"], stdout=log, stderr=log,
                                    env={**os.environ, "PORT": str(port), **environment})
    processes = {"auth": start("auth", 15000, SECRET_KEY=auth["SECRET_KEY"], DB3_URL=auth["DB3_URL"]),
                 "web": start("web", 13000, DB1_URL=web["DB1_URL"], DB2_URL=web["DB2_URL"], AUTH_SERVER_URL=THEIRS["auth"])}
    try:
        yield processes
    finally:
        for process in processes.values():
            process.terminate()
            process.wait()


def ask(url, method, path, body=None, token=None):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request(method, path, body=json.dumps(body) if body else None, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def log_in(side, password):
    """A token, as soon as the service answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            status, answer = ask(side["auth"], "POST", "/auth/login", {"username": "admin", "password": password})
            if status == 200:
                return answer["token"]
            cause = f"{status} {answer}"
        except OSError as error:
            cause = error
        if time.monotonic() > deadline:
            sys.exit(f"no log-in at {side['auth']}: {cause}")
        time.sleep(0.1)


def same_answers(tokens, identity):
    """Fails unless both sides tell the same of the same products."""
    lists = {}
    for name, side in SIDES.items():
        status, answer = ask(side["web"], "GET", "/products", token=tokens[name])
        if status != 200 or answer["count"] != PRODUCTS:
            sys.exit(f"{name}: {status}, {answer.get('count')} products instead of {PRODUCTS}")
        lists[name] = {(each["_id"], each["name"], each["price"], each["database"]) for each in answer["products"]}
        status, one = ask(side["web"], "GET", f"/products/{identity}", token=tokens[name])
        if status != 200 or one["_id"] != identity:
            sys.exit(f"{name}: no product {identity}: {status} {one}")
    if lists["ours"] != lists["theirs"]:
        sys.exit("the two sides list different products")


# --- measuring -------------------------------------------------------------------------------

def wrk(url, seconds, connections=CONNECTIONS, good=True, **environment):
    """Requests a second and latencies; unless said otherwise, all answers must be good."""
    threads = min(2, connections)
    command = ["wrk", "--threads", str(threads), "--connections", str(connections), "--timeout", "20s", "--duration", f"{seconds}s",
               "--script", "bench/services.lua", url]
    output = run(*command, env={**os.environ, **environment})
    figures = json.loads(output.splitlines()[-1])
    if good and figures["failed"]:
        sys.exit(f"{url}: {figures['failed']} requests failed\n{output}")
    return figures


def warmed(url, seconds, **how):
    wrk(url, WARM_UP, **how)
    return wrk(url, seconds, **how)


def measure(arguments, tokens, collections, identity):
    """Figures of each side for each request, a list with one entry a turn."""
    asked = {"list": ("web", "/products", {}), "one": ("web", f"/products/{identity}", {}),
             "create": ("web", "/products", {"METHOD": "POST"}),
             "verify": ("auth", "/auth/verify", {"METHOD": "POST", "EMPTY": "1", "connections": 1})}
    found = {what: {name: [] for name in SIDES} for what in asked}
    for turn in range(arguments.turns):
        for what, (service, path, how) in asked.items():
            for name, side in SIDES.items():
                figures = warmed(side[service] + path, arguments.seconds, TOKEN=tokens[name], **how)
                found[what][name].append(figures)
                print(f"turn {turn + 1}, {what}, {name}: {figures}", flush=True)
                forget_made(collections)
    return found


def verification(token, seconds, turns):
    """Medians in ms of a request that ends after its token is looked at (its identity is none), and of one that needs no token."""
    url, with_token, without = OURS["web"], [], []
    for _ in range(turns):
        with_token.append(wrk(f"{url}/products/none", seconds, connections=1, good=False, TOKEN=token)["p50_ms"])
        without.append(wrk(f"{url}/api/config", seconds, connections=1)["p50_ms"])
    return statistics.median(with_token), statistics.median(without)


def resident(status):
    """VmRSS of a process in MB, from its /proc/PID/status."""
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1000


def memories(processes):
    ours = {name: resident(guest(f"{name}-server", f"cat /proc/$(systemctl show -P MainPID {name}-server)/status"))
            for name in OURS}
    theirs = {name: resident(pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))
              for name, process in processes.items()}
    return {"ours": ours, "theirs": theirs}


# --- telling -----------------------------------------------------------------------------------

def middle(figures, key):
    return statistics.median(figure[key] for figure in figures)


def amount(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def request_row(what, sides, aim):
    ours, theirs = (middle(sides[name], "per_s") for name in ("ours", "theirs"))
    latencies = [f"{amount(middle(sides[name], 'p50_ms'))} / {amount(middle(sides[name], 'p99_ms'))} ms"
                 for name in ("ours", "theirs")]
    ratio = f"{ours / theirs:.0f} times" if ours / theirs >= 10 else f"{ours / theirs:.1f} times"
    return (what, f"{amount(ours)} a second, {latencies[0]}", f"{amount(theirs)} a second, {latencies[1]}",
            ratio + (f"; the aim is {aim}" if aim else ""))


def memory_row(service, memory):
    ours, theirs = memory["ours"][service], memory["theirs"][service]
    return (f"resident memory of {service}-server after that", f"{ours:.1f} MB", f"{theirs:.1f} MB",
            f"{ours / theirs:.2f} of it; the aim is 0.35")


def table(arguments, found, memory, tokens):
    rows = [request_row(f"`GET /products`, all {PRODUCTS:,}", found["list"], 15),
            request_row("`GET /products/{id}`", found["one"], 30),
            request_row("`POST /products`, w:majority", found["create"], None),
            request_row("`POST /auth/verify`, one connection: once in 30 s for a token", found["verify"], None),
            ("refused for what it asks, after its token was verified from memory", f"{tokens[0]:.2f} ms at the median",
             "asks auth-server each time", f"a request without token takes {tokens[1]:.2f} ms; the aim for a token is 1 ms"),
            memory_row("web", memory), memory_row("auth", memory)]
    for service in OURS:
        size = os.path.getsize(f"artifacts/{service}-server") / 1e6
        rows.append((f"size of {service}-server", f"{size:.1f} MB", "", "the aim is 15 MB"))
    lines = [TITLE, "",
             f"{time.strftime('%Y-%m-%d')}, the same kind of machine, load of {os.getloadavg()[0]:.1f} at the end. wrk with {CONNECTIONS} "
             f"connections beside all that it measures, {arguments.seconds} s a figure after a warm-up, medians of {arguments.turns} "
             "turns, ours and theirs in turn; latencies are the 50th and 99th of a hundred. Theirs: [flask/](flask/README.md).", "",
             "| what | ours | in Flask | ratio or aim |", "| --- | --- | --- | --- |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def put(path, section):
    """Writes the section as the last of a file, in place of what it said before."""
    before = path.read_text(encoding="utf-8").partition(TITLE)[0].rstrip() if path.exists() else ""
    path.write_text(f"{before}\n\n{section}".lstrip(), encoding="utf-8")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--flask", required=True, help="a python3 with bench/flask/requirements.txt")
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--turns", type=int, default=2)
    arguments.add_argument("--into", required=True, type=pathlib.Path)
    arguments = arguments.parse_args()
    run(DISTCTL, "up", "--yes", "--progress", "quiet")
    web, auth = settings("web-server"), settings("auth-server")
    collections = [pymongo.MongoClient(web[url]).get_default_database().products for url in ("DB1_URL", "DB2_URL")]
    load(collections)
    identity = str(collections[0].find_one()["_id"])
    password = run(DISTCTL, "secret", "show", "admin").strip()
    with flask(arguments.flask, web, auth) as processes:
        tokens = {name: log_in(side, password) for name, side in SIDES.items()}
        same_answers(tokens, identity)
        found = measure(arguments, tokens, collections, identity)
        memory = memories(processes)
        looks = verification(tokens["ours"], arguments.seconds, arguments.turns)
    section = table(arguments, found, memory, looks)
    put(arguments.into, section)
    print(section)


main()
