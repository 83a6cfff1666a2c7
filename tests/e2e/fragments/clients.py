"""Clients of the products API that create, change, read and delete until standard input ends.

Each of them knows what it was told last of each of its products, and says what it saw instead: a product that was gone
(`lost`), older than what was acknowledged (`stale`), there after its deletion was acknowledged (`back`), or twice in a
list (`twice`). An answer that did not come, or 503, leaves open whether it was done; the next read tells.
"""
import http.client
import json
import random
import sys
import threading
import time

host, token = sys.argv[1:3]
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
stop = threading.Event()
lock = threading.Lock()
seen = {"lost": [], "stale": [], "back": [], "twice": [], "other": [], "done": 0, "waited": 0}
expected = {}


def ask(method, path, body=None):
    """A status and an answer; 0 where nobody answered."""
    try:
        connection = http.client.HTTPConnection(host, timeout=15)
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text or "null")
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None


def surely(method, path, body=None):
    """Asks until somebody answers for sure; tells whether it had to be asked again."""
    again = False
    while True:
        status, answer = ask(method, path, body)
        if status not in (0, 502, 503):
            return status, answer, again
        again = True
        with lock:
            seen["waited"] += 1
        time.sleep(0.05)


def note(kind, what):
    with lock:
        seen[kind].append(what)


def client(number):
    chance = random.Random(number)
    mine = {}
    while not stop.is_set():
        choice = chance.random()
        if not mine or choice < 0.2:
            name = chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0") + f" of client {number}"
            status, answer, again = surely("POST", "/products", {"name": name, "price": 0, "stock": 1})
            if status == 201:
                mine[answer["product"]["_id"]] = 0
            else:
                note("other", f"create: {status} {answer}")
        elif choice < 0.65:
            product = chance.choice(list(mine))
            price = mine[product] + 1
            # Said again it is the same change.
            status, answer, again = surely("PUT", f"/products/{product}", {"price": price})
            if status == 200:
                mine[product] = price
            else:
                note("lost", f"change of {product}: {status} {answer}")
        elif choice < 0.9:
            product = chance.choice(list(mine))
            status, answer, again = surely("GET", f"/products/{product}")
            if status != 200:
                note("lost", f"read of {product}: {status} {answer}")
            elif answer["price"] != mine[product]:
                note("stale", f"{product}: {answer['price']} instead of {mine[product]}")
        elif choice < 0.97:
            product = chance.choice(list(mine))
            status, answer, again = surely("DELETE", f"/products/{product}")
            if status == 200 or status == 404 and again:
                del mine[product]
                gone(product)
            else:
                note("lost", f"deletion of {product}: {status} {answer}")
        else:
            status, answer, again = surely("GET", "/products?limit=5000")
            ids = [one["_id"] for one in answer["products"]]
            if len(ids) != len(set(ids)):
                note("twice", len(ids) - len(set(ids)))
        with lock:
            seen["done"] += 1
    with lock:
        expected.update(mine)


def gone(product):
    """A copy that was on its way may show for a moment; it must not stay."""
    deadline = time.monotonic() + 10
    while surely("GET", f"/products/{product}")[0] != 404:
        if time.monotonic() > deadline:
            return note("back", product)
        time.sleep(0.02)
    with lock:
        deleted.append(product)


deleted = []
threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
print("working", flush=True)
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join()
for product, price in expected.items():
    status, answer, _ = surely("GET", f"/products/{product}")
    if status != 200 or answer["price"] != price:
        note("lost", f"in the end {product}: {status} {answer}")
for product in deleted:
    if surely("GET", f"/products/{product}")[0] != 404:
        note("back", f"in the end {product}")
seen["kept"] = len(expected)
print(json.dumps(seen), flush=True)
