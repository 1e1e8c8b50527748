"""A login and an API with Flask-JWT-Extended. Every rule about tokens is the library's own.

Arguments: the secret and, if the API asks refreshd about each token, the URL of refreshd and a
credential. It prints its address and serves until it is killed.
"""

import os
import sys
from datetime import timedelta

from flask import Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt,
    get_jwt_identity,
    jwt_required,
)
from werkzeug.serving import make_server

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = sys.argv[1]
app.config["JWT_VERIFY_SUB"] = False  # lets an identity be a number
jwt = JWTManager(app)
if len(sys.argv) > 2:
    os.environ["REFRESH_URL"], os.environ["REFRESH_CREDENTIAL"] = sys.argv[2:]
    sys.path.append("../../docs/apis")
    import flask_introspection

    flask_introspection.install(jwt)


@app.post("/login")
def login():
    given = request.get_json()
    claims = {"is_admin": given["admin"], "role": "editor"}
    life = timedelta(seconds=given["life"])
    return jsonify(
        access=create_access_token(given["identity"], fresh=True, additional_claims=claims),
        refresh=create_refresh_token(
            given["identity"], expires_delta=life, additional_claims=claims
        ),
    )


@app.get("/me")
@jwt_required()
def me():
    return jsonify(identity=get_jwt_identity(), role=get_jwt()["role"])


@app.get("/fresh")
@jwt_required(fresh=True)
def fresh():
    return jsonify(identity=get_jwt_identity())


@app.get("/refresh")
@jwt_required(refresh=True)
def refresh():
    return jsonify(identity=get_jwt_identity())


server = make_server("127.0.0.1", 0, app)
print(f"http://127.0.0.1:{server.port}", flush=True)
server.serve_forever()
