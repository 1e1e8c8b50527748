"""Lets an API with Flask-JWT-Extended reject revoked access tokens: it asks refreshd about each.

Call install(jwt) with your JWTManager. Set REFRESH_URL to the URL of refreshd, and
REFRESH_CREDENTIAL to name:secret, a line of its --api-credentials. Tokens must come in the header
Authorization: keep cookies out of JWT_TOKEN_LOCATION.
"""

import os

import requests
from flask import Response, abort, request

INTROSPECTION = os.environ["REFRESH_URL"] + "/oauth2/introspect"
CREDENTIAL = tuple(os.environ["REFRESH_CREDENTIAL"].split(":"))
refreshd = requests.Session()  # keeps connections open


def install(jwt):
    jwt.token_in_blocklist_loader(revoked)


def revoked(header, payload):
    """The library has checked the token already. An answer of True makes it a 401."""
    token = request.headers["Authorization"].split()[-1]
    try:
        answer = refreshd.post(INTROSPECTION, {"token": token}, auth=CREDENTIAL, timeout=5)
        answer.raise_for_status()
        return not answer.json()["active"]
    except requests.RequestException:
        # The token may be good: a 401 would log the user out.
        abort(Response(status=503, headers={"Retry-After": "1"}))
