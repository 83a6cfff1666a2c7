#!/usr/bin/env python3
"""Puts 100,000 products into the product platform, each where its first letter belongs. Usage: ... RSA RSB (passwords)"""
import datetime
import random
import sys

import pymongo

COUNT, LETTERS = 50_000, ("ABCDEFGHIJKLM", "NOPQRSTUVWXYZ")
chance = random.Random(2026)
words = "roja verde grande ligera de invierno para llevar con tapa sin fin del norte hecha a mano".split()
now = datetime.datetime(2026, 1, 1)


def product(letters, number):
    name = f"{chance.choice(letters)}{number:05} {' '.join(chance.choices(words, k=3))}"
    return {"name": name, "description": " ".join(chance.choices(words, k=12)), "price": round(chance.random() * 900, 2),
            "stock": chance.randrange(500), "created_at": now, "updated_at": now}


for last, set_name, password, letters in ((12, "rsA", sys.argv[1], LETTERS[0]), (13, "rsB", sys.argv[2], LETTERS[1])):
    hosts = [f"10.10.10.{last}:{port}" for port in (27017, 27018, 27019)]
    client = pymongo.MongoClient(hosts, replicaSet=set_name, username="admin", password=password, w="majority")
    products = [product(letters, number) for number in range(COUNT)]
    for begin in range(0, COUNT, 5_000):
        client.products_db.products.insert_many(products[begin:begin + 5_000])
