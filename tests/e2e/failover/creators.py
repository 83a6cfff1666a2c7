"""Sixteen clients that create products for six seconds, half of them in each fragment, each over a kept connection, and
then wait for their last answer.

Tells which were acknowledged, how many were told to come again, what else was answered, the longest time without a new
product by database, how long before the end the last one was, and the slowest answer."""
import http.client
import json
import sys
import threading
import time

CLIENTS, SECONDS = 16, 6
address, token = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
lock, begun = threading.Lock(), threading.Event()
acknowledged, moments, slow, other, told_to_wait = [], {"DB1": [], "DB2": []}, [], [], 0
end = time.monotonic() + SECONDS


def create(connection, number, turn):
    """One product; an answer that can't be had is an answer of its own kind."""
    letter = "ABCDEFGHIJKLM"[turn % 13] if number % 2 else "NOPQRSTUVWXYZ"[turn % 13]
    body = json.dumps({"name": f"{letter} {number} {turn}", "price": 1, "stock": turn, "category": "prueba"})
    try:
        connection.request("POST", "/products", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Retry-After"), json.loads(answer.read())
    except (http.client.HTTPException, OSError, ValueError) as error:
        connection.close()
        return 0, None, repr(error)


def client(number):
    global told_to_wait
    connection, turn = http.client.HTTPConnection(address, timeout=30), 0
    while time.monotonic() < end:
        turn += 1
        asked = time.monotonic()
        status, wait, body = create(connection, number, turn)
        now = time.monotonic()
        with lock:
            slow.append(now - asked)
            if status == 201:
                product = body["product"]
                acknowledged.append({"id": product["_id"], "database": product["database"]})
                moments[product["database"]].append(now)
            elif status == 503 and wait and int(wait) > 0:
                told_to_wait += 1
            else:
                other.append(f"{status} {body}")
            if len(acknowledged) > 100:
                begun.set()
        if status == 503:
            time.sleep(min(int(wait or 1), 2))


def longest(times):
    return max((later - earlier for earlier, later in zip(times, times[1:])), default=0)


threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
for thread in threads:
    thread.start()
begun.wait(SECONDS)
print("creating", flush=True)
for thread in threads:
    thread.join()
print(json.dumps({
    "acknowledged": acknowledged, "told_to_wait": told_to_wait, "other": other[:20], "slowest_s": round(max(slow), 2),
    "gap_s": {name: round(longest(times), 2) for name, times in moments.items()},
    "last_before_end_s": {name: round(end - max(times, default=0), 2) for name, times in moments.items()},
}))
