"""Runs docs/recipes/httpx_session.py for the tests.

Arguments: the address of refreshd, and a URL of the API. It reads a command a line, as JSON, and
answers each with a line of JSON.
"""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

sys.path.insert(0, "../../docs/recipes")
from httpx_session import LoginRequired, Session, TryLater

server, api_url = sys.argv[1:]
stored = None


def save(tokens):
    global stored
    stored = tokens


session = Session(server, load=lambda: stored, save=save)
api = httpx.Client(auth=session, timeout=60)


def call(_):
    try:
        return str(api.get(api_url).status_code)
    except LoginRequired:
        return "login"
    except TryLater:
        return "later"


def run(command):
    match command["do"]:
        case "login":
            session.login(command["tokens"])
            return {}
        case "call":
            return Counter(pool.map(call, range(command["times"])))
        case "stored":
            return {"refresh_token": (stored or {}).get("refresh_token", "")}


with ThreadPoolExecutor(32) as pool:
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
