"""A login and an API with djangorestframework-simplejwt. Every rule about tokens is the library's.

Arguments: the secret and, if the API asks refreshd about each token, the URL of refreshd and a
credential. It prints its address and serves until it is killed.
"""

import os
import sys
from datetime import timedelta
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

authentication = "rest_framework_simplejwt.authentication.JWTAuthentication"
if len(sys.argv) > 2:
    os.environ["REFRESH_URL"], os.environ["REFRESH_CREDENTIAL"] = sys.argv[2:]
    sys.path.append("../../docs/apis")
    authentication = "django_introspection.Introspected"

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=sys.argv[1],
    SIMPLE_JWT={"SIGNING_KEY": sys.argv[1]},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [authentication],
    },
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.urls import path
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken


class Login(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    def post(self, request):
        """The user's number is the identity. The library writes it as text or as a number."""
        number = int(request.data["identity"])
        user, _ = get_user_model().objects.get_or_create(id=number, username=f"user {number}")
        refresh = RefreshToken.for_user(user)
        refresh.set_exp(lifetime=timedelta(seconds=request.data["life"]))
        refresh["role"] = "editor"
        if isinstance(request.data["identity"], int):
            refresh["user_id"] = number
        if request.data["admin"]:
            refresh["is_admin"] = True
        return Response({"access": str(refresh.access_token), "refresh": str(refresh)})


class Me(APIView):
    permission_classes = [IsAuthenticated]

    def get(self, request):
        """The identity is the claim as it is written; the library has found its user."""
        return Response({"identity": request.auth["user_id"], "role": request.auth["role"]})


class Refresh(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    def get(self, request):
        """The library's own check of a refresh token."""
        token = request.headers["Authorization"].removeprefix("Bearer ")
        try:
            return Response({"identity": RefreshToken(token)["user_id"]})
        except Exception as error:  # the library's TokenError
            return Response({"error": str(error)}, status=401)


urlpatterns = [
    path("login", Login.as_view()),
    path("me", Me.as_view()),
    path("refresh", Refresh.as_view()),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


call_command("migrate", verbosity=0)
server = make_server("127.0.0.1", 0, WSGIHandler(), handler_class=Quiet)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
