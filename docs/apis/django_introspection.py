"""Lets an API with SimpleJWT reject revoked access tokens: it asks refreshd about each.

Name the class Introspected in DEFAULT_AUTHENTICATION_CLASSES, in place of JWTAuthentication. Set
REFRESH_URL to the URL of refreshd, and REFRESH_CREDENTIAL to name:secret, a line of its
--api-credentials.
"""

import os

import requests
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

INTROSPECTION = os.environ["REFRESH_URL"] + "/oauth2/introspect"
CREDENTIAL = tuple(os.environ["REFRESH_CREDENTIAL"].split(":"))
refreshd = requests.Session()  # keeps connections open


class Unavailable(APIException):
    status_code = 503
    default_detail = "Try again soon"
    wait = 1  # Retry-After, in seconds


class Introspected(JWTAuthentication):
    def get_validated_token(self, raw_token):
        token = super().get_validated_token(raw_token)
        try:
            answer = refreshd.post(INTROSPECTION, {"token": raw_token}, auth=CREDENTIAL, timeout=5)
            answer.raise_for_status()
            active = answer.json()["active"]
        except requests.RequestException as error:
            # The token may be good: a 401 would log the user out.
            raise Unavailable() from error
        if not active:
            raise InvalidToken("the token is revoked")
        return token
