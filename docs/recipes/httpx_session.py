"""Calls an API with httpx, and refreshes the access token at refreshd.

    session = Session("https://refresh.example.com", load=read_tokens, save=write_tokens)
    session.login(answer_of_your_login)
    api = httpx.Client(base_url="https://api.example.com", auth=session)
    api.get("/things")  # may raise LoginRequired or TryLater

Threads may share a session: they send one refresh. Tokens are a dictionary with access_token,
refresh_token and expired, or None.
"""

import base64
import json
import threading
import time

import httpx


class LoginRequired(Exception):
    """The session has ended, or there is none. Show the login."""


class TryLater(Exception):
    """The server is busy or cannot be reached. The user stays logged in."""

    def __init__(self, seconds):
        super().__init__(f"try again in {seconds:.0f} s")
        self.seconds = seconds


class Session(httpx.Auth):
    def __init__(self, server, load, save, limit=10, timeout=10):
        self._url = f"{server}/api/v1/refresh"
        self._load, self._save = load, save
        self._limit = limit  # lifetime of new access tokens, in minutes
        self._http = httpx.Client(timeout=timeout)
        self._lock = threading.Lock()
        # Both are times of time.monotonic(), which does not jump if the clock is set. The age of
        # tokens from an earlier run is not known: they are used until the API answers 401.
        self._refresh_at = float("inf")
        self._not_before = 0.0

    def login(self, tokens):
        """Stores the answer of a login."""
        with self._lock:
            self._keep(tokens)

    def sync_auth_flow(self, request):
        token = self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self._token(rejected=token)}"
            yield request

    def _token(self, rejected=None):
        """Returns an access token, and refreshes it first if it expires soon or was rejected."""
        with self._lock:
            tokens = self._load()
            if tokens is None:
                raise LoginRequired
            if tokens["access_token"] == rejected or time.monotonic() >= self._refresh_at:
                tokens = self._refresh(tokens)
            return tokens["access_token"]

    def _refresh(self, tokens):
        wait = self._not_before - time.monotonic()
        if wait > 0:  # the last refresh has failed for all callers
            raise TryLater(wait)
        answer = self._ask({"refresh_token": tokens["refresh_token"], "limit": self._limit})
        status, body = answer.status_code, parsed(answer)
        if status == 200 and "access_token" in body:
            return self._keep(tokens | body)  # with rotation, a new refresh token too
        if status in (421, 422) and body.get("error") == "jwt_error":
            self._save(None)
            raise LoginRequired
        if 400 <= status < 500 and status not in (421, 422, 429):
            raise RuntimeError(f"a mistake in this program: {body.get('causes', status)}")
        raise self._later(answer.headers.get("Retry-After", ""))

    def _ask(self, body):
        """Sends the refresh, twice if the first answer is lost. That does no harm."""
        try:
            return self._http.post(self._url, json=body)
        except httpx.TransportError:
            pass
        try:
            return self._http.post(self._url, json=body)
        except httpx.TransportError:
            raise self._later("") from None

    def _later(self, retry_after):
        seconds = int(retry_after) if retry_after.isdigit() else 1
        self._not_before = time.monotonic() + seconds
        return TryLater(seconds)

    def _keep(self, tokens):
        # Both times are the server's, so a wrong clock of this machine does not matter.
        lifetime = tokens["expired"] - claims(tokens["access_token"]).get("iat", tokens["expired"])
        self._refresh_at = time.monotonic() + lifetime - min(60, lifetime / 5)
        self._not_before = 0.0
        self._save(tokens)
        return tokens


def parsed(answer):
    """Returns {} if the answer is no JSON object, as the pages of proxies are."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
