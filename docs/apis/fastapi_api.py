"""An API with FastAPI that checks the access tokens of refreshd with PyJWT.

Set SECRET, or JWKS_URL and ALGORITHM.
"""

import os
from typing import Annotated

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

ALGORITHM = os.environ.get("ALGORITHM", "HS256")  # yours, and never the token's
SECRET = os.environ.get("SECRET")
KEYS = None if SECRET else jwt.PyJWKClient(os.environ["JWKS_URL"], timeout=5)

app = FastAPI()
bearer = HTTPBearer(auto_error=False)


def key_of(token: str) -> object:
    """The key of a token. 503 if the keys cannot be read: a 401 would log the user out."""
    if SECRET:
        return SECRET
    key_id = jwt.get_unverified_header(token).get("kid")
    known = False
    try:
        known = bool(KEYS.get_signing_keys())
        return KEYS.get_signing_key(key_id).key
    except (jwt.PyJWTError, ValueError) as error:
        if known and type(error) is jwt.PyJWKClientError:
            raise  # there is no such key
        raise HTTPException(503, "the keys are unavailable", {"Retry-After": "1"}) from error


def caller(sent: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> dict:
    try:
        if sent is None:
            raise jwt.InvalidTokenError("no access token")
        token = sent.credentials
        # Add issuer and audience if your login sets them.
        claims = jwt.decode(
            token, key_of(token), algorithms=[ALGORITHM], options={"require": ["exp", "identity"]}
        )
        # A refresh token has a valid signature too, and lives for weeks. False equals 0 in Python.
        if type(claims.get("type")) is not int or claims["type"] != 0:
            raise jwt.InvalidTokenError("not an access token")
    except jwt.PyJWTError as error:
        raise HTTPException(401, "unauthorized", {"WWW-Authenticate": "Bearer"}) from error
    return claims


def fresh_caller(claims: Annotated[dict, Depends(caller)]) -> dict:
    """For operations that need a recent password."""
    if claims.get("fresh") is not True:
        raise HTTPException(403, "log in again")
    return claims


@app.get("/orders")
def orders(claims: Annotated[dict, Depends(caller)]) -> dict:
    return {"ordersOf": claims["identity"]}


@app.post("/password", status_code=204)
def password(_: Annotated[dict, Depends(fresh_caller)]) -> None:
    """Changes the password."""


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8081")))
