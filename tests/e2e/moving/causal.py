"""Writers whose writes follow each other from one database to the next, until standard input ends.

Each writes a number to the first database, and only when that was acknowledged to the second, then to the third. So a
state that was ever true of all three has no number in one of them that is missing in one before it.
"""
import json
import sys
import threading
import time

import pymongo

targets = [pymongo.MongoClient(uri, retryWrites=False, serverSelectionTimeoutMS=10000) for uri in sys.argv[2:]]
collections = [target.story.steps for target in targets]


def numbers():
    return [{each["_id"] for each in collection.find({}, {"_id": 1})} for collection in collections]


def write():
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    run = time.time_ns()
    done, pauses, failed = [0] * 4, [0.0] * 4, [0] * 4

    def writer(one):
        last = time.monotonic()
        while not stop.is_set():
            done[one] += 1
            try:
                for collection in collections:
                    collection.insert_one({"_id": f"{run}-{one}-{done[one]}"})
                    now = time.monotonic()
                    pauses[one], last = max(pauses[one], now - last), now
            except pymongo.errors.PyMongoError:
                failed[one] += 1

    threads = [threading.Thread(target=writer, args=(one,)) for one in range(4)]
    for thread in threads:
        thread.start()
    while min(done) < 4:
        time.sleep(0.01)
    print("writing", flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps({"done": sum(done), "failed": sum(failed), "pause_s": max(pauses)}), flush=True)


def check():
    first, second, third = numbers()
    print(json.dumps({"counts": [len(first), len(second), len(third)],
                      "torn": sorted(second - first) + sorted(third - second)}), flush=True)


{"write": write, "check": check}[sys.argv[1]]()
