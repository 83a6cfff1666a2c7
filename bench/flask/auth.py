"""auth-server in Flask: registers, logs in, verifies."""
import datetime
import os

import bcrypt
import jwt
import pymongo
from flask import Flask, jsonify, request

app = Flask(__name__)
users = pymongo.MongoClient(os.environ["DB3_URL"]).get_default_database().users
KEY = os.environ["SECRET_KEY"]


@app.post("/auth/register")
def register():
    sent = request.get_json()
    if users.find_one({"$or": [{"username": sent["username"]}, {"email": sent["email"]}]}):
        return jsonify(message="El usuario ya existe"), 400
    password = bcrypt.hashpw(sent["password"].encode(), bcrypt.gensalt()).decode()
    users.insert_one({"username": sent["username"], "email": sent["email"], "password": password, "role": "user",
                      "created_at": datetime.datetime.now(datetime.timezone.utc)})
    return jsonify(message="Usuario registrado exitosamente"), 201


@app.post("/auth/login")
def login():
    sent = request.get_json()
    user = users.find_one({"username": sent["username"]})
    if not user or not bcrypt.checkpw(sent["password"].encode(), user["password"].encode()):
        return jsonify(message="Credenciales inválidas"), 401
    now = datetime.datetime.now(datetime.timezone.utc)
    claims = {"sub": user["username"], "role": user["role"], "iat": now, "exp": now + datetime.timedelta(hours=1)}
    return jsonify(token=jwt.encode(claims, KEY, algorithm="HS256"), username=user["username"])


@app.post("/auth/verify")
def verify():
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        claims = jwt.decode(token, KEY, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return jsonify(message="Token inválido"), 401
    user = users.find_one({"username": claims["sub"]})
    if not user:
        return jsonify(message="Token inválido"), 401
    return jsonify(message="Token válido", username=user["username"], role=user["role"])


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=int(os.environ["PORT"]))
