"""Eight clients that read the list of products, each request over a connection of its own, until standard input ends.

Tells how many answers were whole, what was cut in the middle of an answer, how many connections got none (refused, or
reset before a byte: the request was in the kernel's queue when the service stopped listening), and anything else."""
import collections
import http.client
import json
import socket
import sys
import threading
import time

addresses, token = sys.argv[1:3], sys.argv[3]
over = threading.Event()
lock = threading.Lock()
counts, cut, other = collections.Counter(), [], []


def read(address):
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.connect()
        # Little room here, so that most of an answer is still with the service while it is read.
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        connection.request("GET", "/products", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
    except http.client.BadStatusLine as error:  # also where there was no byte at all
        return "unanswered" if isinstance(error, http.client.RemoteDisconnected) else f"cut head: {error!r}"
    except ConnectionError:
        return "unanswered"
    try:
        body = answer.read()
        if answer.status == 200 and json.loads(body)["count"] > 0:
            return "whole"
        return f"other: {answer.status} {body[:100]}"
    except (http.client.HTTPException, OSError, ValueError) as error:
        return f"cut body: {error!r}"
    finally:
        connection.close()


def client(number):
    while not over.is_set():
        outcome = read(addresses[number % len(addresses)])
        with lock:
            counts[outcome.split(":")[0]] += 1
            if outcome.startswith("cut"):
                cut.append(outcome)
            elif outcome.startswith("other"):
                other.append(outcome)
        if outcome == "unanswered":
            time.sleep(0.005)


threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
while not counts["whole"]:
    time.sleep(0.01)
print("reading", flush=True)
sys.stdin.read()
over.set()
for thread in threads:
    thread.join()
print(json.dumps({"whole": counts["whole"], "unanswered": counts["unanswered"], "cut": cut, "other": other}))
