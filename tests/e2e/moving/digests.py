"""Hashes of all documents of databases, by address. Usage: digests.py URI..."""
import hashlib
import json
import sys

from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

found = {}
for uri in sys.argv[1:]:
    client = MongoClient(uri, document_class=RawBSONDocument)
    for database in sorted(set(client.list_database_names()) - {"admin", "config", "local"}):
        for collection in sorted(client[database].list_collection_names()):
            digest = hashlib.sha256()
            count = 0
            for document in client[database][collection].find(sort=[("_id", 1)]):
                digest.update(document.raw)
                count += 1
            place = f"{uri.rpartition('@')[2]}/{database}.{collection}"
            found[place] = [count, digest.hexdigest()]
print(json.dumps(found, sort_keys=True))
