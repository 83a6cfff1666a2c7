"""web-server in Flask: products of two databases."""
import datetime
import functools
import os

import pymongo
import requests
from bson import ObjectId
from flask import Flask, jsonify, request

app = Flask(__name__)
AUTH = os.environ["AUTH_SERVER_URL"]
DATABASES = {name: pymongo.MongoClient(os.environ[f"{name}_URL"]).get_default_database().products
             for name in ("DB1", "DB2")}


def token_required(handler):
    @functools.wraps(handler)
    def verified(*arguments, **named):
        header = {"Authorization": request.headers.get("Authorization", "")}
        answer = requests.post(f"{AUTH}/auth/verify", headers=header, timeout=5)
        if answer.status_code != 200:
            return jsonify(answer.json()), answer.status_code
        return handler(*arguments, **named)
    return verified


def shown(product, database):
    product["_id"] = str(product["_id"])
    product["database"] = database
    return product


@app.get("/products")
@token_required
def products():
    found = [shown(product, name) for name, collection in DATABASES.items() for product in list(collection.find())]
    return jsonify(count=len(found), products=found)


@app.get("/products/<identity>")
@token_required
def product(identity):
    for name, collection in DATABASES.items():
        found = collection.find_one({"_id": ObjectId(identity)})
        if found:
            return jsonify(shown(found, name))
    return jsonify(message="Producto no encontrado"), 404


@app.post("/products")
@token_required
def create():
    sent = request.get_json()
    name = "DB1" if "A" <= sent["name"][0].upper() <= "M" else "DB2"
    now = datetime.datetime.now(datetime.timezone.utc)
    new = {**sent, "created_at": now, "updated_at": now}
    DATABASES[name].insert_one(new)
    return jsonify(message=f"Producto creado exitosamente en {name}", product=shown(new, name)), 201


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=int(os.environ["PORT"]))
