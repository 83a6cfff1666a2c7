"""What every script of the tests begins with: a client of the hosts that the environment names."""
import json
import os
import sys
import threading
import time

import pymongo
import pymongo.errors
from bson import json_util

hosts = os.environ["MONGO_HOSTS"].split(",")
options = {"serverSelectionTimeoutMS": 30000, "connectTimeoutMS": 2000}
if os.environ.get("MONGO_SET"):
    options["replicaSet"] = os.environ["MONGO_SET"]
else:
    options["directConnection"] = True
if os.environ.get("MONGO_USER"):
    options |= {"username": os.environ["MONGO_USER"], "password": os.environ["MONGO_PASSWORD"]}
client = pymongo.MongoClient(hosts, **options)


def out(value):
    print(json.dumps(json.loads(json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS))), flush=True)


def refused(operation):
    """Whether the server refuses an operation for lack of rights."""
    try:
        operation()
        return False
    except pymongo.errors.OperationFailure as error:
        return error.code in (13, 18)  # Unauthorized, AuthenticationFailed


def members():
    status = client.admin.command("replSetGetStatus")
    return {member["name"]: member["stateStr"] for member in status["members"]}


def write_until_told(user=None, password_file=None):
    """Inserts one document after the other until standard input ends; tells the gaps and what was lost. Where it is
    asked for a password, it reads one from the file and goes on as the user."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    writer = pymongo.MongoClient(hosts, **options, retryWrites=False, w="majority")
    collection = writer.story.writes
    acknowledged, moments, failed, number = [], [], 0, 0
    while not stop.is_set():
        number += 1
        try:
            collection.insert_one({"_id": number})
            acknowledged.append(number)
            moments.append(time.monotonic())
            if len(acknowledged) == 1:
                out("writing")
        except pymongo.errors.PyMongoError as error:
            failed += 1
            if user and getattr(error, "code", None) in (13, 18) and os.path.exists(password_file):
                login = {"username": user, "password": open(password_file).read()}
                writer = pymongo.MongoClient(hosts, **options, **login, retryWrites=False, w="majority")
                collection, user = writer.story.writes, None
            time.sleep(0.01)
    kept = {each["_id"] for each in collection.find({}, {"_id": 1})}
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
    out({"acknowledged": len(acknowledged), "failed": failed, "longest_gap_s": max(gaps),
         "lost": [each for each in acknowledged if each not in kept]})
