"""A program with requests-oauthlib, as docs/clients.md describes it, and its tests.

Environment: FAKE is the address of refreshd fake, ROTATION is 1 if it rotates refresh tokens.
"""

import os
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import requests
from oauthlib.oauth2 import InvalidGrantError, InvalidScopeError, MissingTokenError
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error
from requests_oauthlib import OAuth2Session

# The fake speaks plain HTTP on loopback. A real server has https.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

FAKE = os.environ["FAKE"]
ROTATION = os.environ["ROTATION"] == "1"
PATIENCE = 60


class LoginRequired(Exception):
    """The refresh token has no use any more."""


class App:
    """A program whose user is logged in. `stored` is on its disk."""

    timeout = PATIENCE

    def __init__(self, identity, refresh_seconds=3600, claims=None):
        self.identity = identity
        self.scope = None
        tokens = requests.post(
            f"{FAKE}/fake/login",
            json={
                "identity": identity,
                "refresh_seconds": refresh_seconds,
                "claims": claims or {},
            },
        ).json()
        self.save(
            {
                "access_token": tokens["access_token"],
                "refresh_token": tokens["refresh_token"],
                "token_type": "Bearer",
                "expires_in": -1,
            }
        )

    def save(self, token):
        self.stored = dict(token)

    def session(self):
        """A session that starts with the stored token, as after a start of the program."""
        return OAuth2Session(
            client_id="shop",
            scope=self.scope,
            token=self.stored,
            auto_refresh_url=f"{FAKE}/oauth2/token",
            auto_refresh_kwargs={"client_id": "shop"},
            token_updater=self.save,
        )

    def call(self):
        """Calls the API. The session refreshes first if the access token has expired."""
        try:
            return self.session().get(f"{FAKE}/fake/me", timeout=self.timeout)
        except InvalidGrantError:
            raise LoginRequired from None

    def expire(self):
        self.stored["expires_at"] = time.time() - 1

    # The rest is for the tests.

    def plan(self, path, behaviour, times, **more):
        answer = requests.post(
            f"{FAKE}/fake/next",
            json={
                "identity": self.identity,
                "path": path,
                "behaviour": behaviour,
                "times": times,
                **more,
            },
        )
        answer.raise_for_status()

    def grants(self):
        found = requests.get(f"{FAKE}/fake/requests", params={"identity": self.identity}).json()
        return sum(r["path"] == "/oauth2/token" for r in found["requests"])

    def refreshes(self, test):
        """Calls the API until it answers, which needs a refresh, and checks what is stored.

        Returns the last exception, or None.
        """
        old, failure = self.stored, None
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.call()
                break
            except LoginRequired:
                raise
            except Exception as error:  # of requests or of oauthlib
                failure = error
                test.assertEqual(self.stored, old, "a failed refresh changed the tokens")
                if time.monotonic() > deadline:
                    raise AssertionError("no refresh succeeded") from error
        test.assertEqual(answer.status_code, 200)
        test.assertEqual(answer.json()["identity"], self.identity)
        test.assertNotEqual(self.stored["access_token"], old["access_token"])
        replaced = self.stored["refresh_token"] != old["refresh_token"]
        test.assertEqual(replaced, ROTATION)
        test.assertGreater(self.stored["expires_at"], time.time())
        self.expire()
        return failure


class RequestsOAuthlib(unittest.TestCase):
    def test_refresh(self):
        app = App("ok")
        for _ in range(3):
            app.refreshes(self)

    def test_faults(self):
        kinds = {
            "lose_answer": requests.ConnectionError,
            "truncate": requests.RequestException,
            "503": CustomOAuth2Error,
            "429": CustomOAuth2Error,
            "500": CustomOAuth2Error,
        }
        for behaviour, kind in kinds.items():
            with self.subTest(behaviour):
                app = App(f"fault-{behaviour}")
                app.plan("/oauth2/token", behaviour, times=3)
                self.assertIsInstance(app.refreshes(self), kind)
                self.assertGreaterEqual(app.grants(), 4)
                app.refreshes(self)

    def test_pages_of_proxies(self):
        for status in [400, 401, 502]:
            with self.subTest(status):
                app = App(f"page-{status}")
                app.plan("/oauth2/token", "html", times=1, status=status)
                self.assertIsInstance(app.refreshes(self), MissingTokenError)

    def test_wrong_scope(self):
        """Another error than invalid_grant is a bug, and no reason to log in."""
        app = App("scope", claims={"scope": "read"})
        app.scope = ["read", "write"]
        with self.assertRaises(InvalidScopeError):
            app.call()
        for scope in [["read"], None]:
            app.scope = scope
            app.refreshes(self)

    def test_delay(self):
        app = App("delay")
        app.plan("/oauth2/token", "delay", times=1, delay_ms=50)
        app.refreshes(self)

    def test_limit_of_the_client(self):
        app = App("limit")
        app.timeout = 1
        app.plan("/oauth2/token", "delay", times=2, delay_ms=600_000)
        app.refreshes(self)
        self.assertGreaterEqual(app.grants(), 3)
        app.refreshes(self)

    def test_expired(self):
        app = App("expired", refresh_seconds=-1)
        with self.assertRaises(LoginRequired):
            app.call()
        self.assertEqual(app.grants(), 1)

    def test_logout(self):
        app = App("logout")
        app.refreshes(self)
        app.plan("/oauth2/revoke", "503", times=1)
        for status in [503, 200]:
            answer = app.session().post(
                f"{FAKE}/oauth2/revoke",
                data={"token": app.stored["refresh_token"], "client_id": "shop"},
                withhold_token=True,
            )
            self.assertEqual(answer.status_code, status)
        with self.assertRaises(LoginRequired):
            app.call()

    def test_parallel(self):
        """32 programs have one refresh token. All receive the same next one."""
        app = App("parallel")
        app.plan("/oauth2/token", "together", times=32)

        def refresh(_):
            return app.session().refresh_token(f"{FAKE}/oauth2/token", client_id="shop")

        with ThreadPoolExecutor(32) as pool:
            tokens = list(pool.map(refresh, range(32)))
        self.assertEqual(len({token["refresh_token"] for token in tokens}), 1)
        app.save(tokens[-1])
        app.expire()
        for _ in range(2):
            app.refreshes(self)


if __name__ == "__main__":
    sys.exit(unittest.main())
