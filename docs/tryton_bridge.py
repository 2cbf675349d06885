"""Orders from Tryton to Ironbridge, and what was made back to Tryton. Needs nothing but Python 3.

    python3 tryton_bridge.py bridge.json

bridge.json:
    {"tryton": "http://127.0.0.1:8000/plant/", "user": "ironbridge", "password_file": "tryton.password",
     "gateway": "https://gateway.local/api/in/tryton/orders", "token_file": "gateway.token",
     "listen": 8099, "count": "acme/leeds/packaging/line-1/filler/count"}

Every few seconds it asks Tryton for productions that are assigned, and posts each to Ironbridge's webhook; once Ironbridge has it
on disk and the machine took it, the production is running in Tryton. A destination of Ironbridge posts the machine's counter to `listen`;
when as much was made as was ordered, the production gets the quantity and is done. One production after the other.

It keeps nothing of its own: what is open stands in Tryton, and Ironbridge carries out an order once, however often it is posted.
"""

import base64
import json
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

PAUSE_S = 1.0


class Tryton:
    """Tryton's own JSON-RPC."""

    def __init__(self, url, user, password):
        self.url, self.user = url, user
        self.auth = None
        session = self.call("common.db.login", [user, {"password": password}, "en"])
        self.auth = base64.b64encode(f"{user}:{session[0]}:{session[1]}".encode()).decode()
        self.context = self.call("model.res.user.get_preferences", [True, {}])

    def call(self, method, params):
        headers = {"Content-Type": "application/json"}
        if self.auth:
            headers["Authorization"] = f"Session {self.auth}"
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        answer = json.load(urllib.request.urlopen(urllib.request.Request(self.url, body, headers), timeout=30))
        if isinstance(answer, dict):
            if answer.get("error"):
                raise RuntimeError(f"{method}: {answer['error']}")
            return answer["result"]
        return answer

    def model(self, name, method, *params):
        return self.call(f"model.{name}.{method}", [*params, self.context])


class Counter(BaseHTTPRequestHandler):
    """Takes what Ironbridge's destination posts."""

    path_of_count, newest = "", None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for sample in body.get("samples", []):
            if sample["path"] == Counter.path_of_count and sample["quality"] == "Good":
                Counter.newest = sample["value"]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def productions(tryton, states):
    fields = ["number", "quantity", "product.code", "outputs", "state"]
    return tryton.model("production", "search_read", [["state", "in", states]], 0, 100, [["id", "ASC"]], fields)


def release(tryton, config, production):
    """Posts an order; whether the machine took it."""
    order = {
        "order": production["number"],
        "product": production["product."]["code"],
        "quantity": production["quantity"],
        "state": "released",
        "given": round(time.time() * 1000),
    }
    headers = {"Authorization": f"Bearer {config['token']}", "Content-Type": "application/json"}
    request = urllib.request.Request(config["gateway"], json.dumps(order).encode(), headers)
    answer = json.load(urllib.request.urlopen(request, timeout=60))
    print(json.dumps(answer), flush=True)
    return all(command["outcome"] in ("Confirmed", "Accepted") for command in answer.get("commands", []))


def finish(tryton, production, made):
    """Writes what was made, and ends the production."""
    number = production["id"]
    tryton.model("stock.move", "write", production["outputs"], {"quantity": made})
    tryton.model("production", "write", [number], {"quantity": made})
    tryton.model("production", "do", [number])


def step(tryton, config, begun):
    running = productions(tryton, ["running"])
    for production in running:
        start = begun.setdefault(production["number"], Counter.newest)
        made = (Counter.newest or 0) - (start or 0)
        if start is not None and made >= production["quantity"]:
            finish(tryton, production, float(made))
    if not running and Counter.newest is not None:
        for production in productions(tryton, ["assigned"])[:1]:
            if release(tryton, config, production):
                begun[production["number"]] = Counter.newest
                tryton.model("production", "run", [production["id"]])


def main():
    config = json.load(open(sys.argv[1]))
    config["token"] = open(config["token_file"]).read().strip()
    Counter.path_of_count = config["count"]
    server = HTTPServer(("127.0.0.1", config["listen"]), Counter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    begun = {}
    while True:
        try:
            tryton = Tryton(config["tryton"], config["user"], open(config["password_file"]).read().strip())
            while True:
                step(tryton, config, begun)
                time.sleep(PAUSE_S)
        except (OSError, RuntimeError, ValueError) as why:
            # Tryton or the gateway is away: everything that is open stands in Tryton.
            print(f"again in a moment: {why}", file=sys.stderr, flush=True)
            time.sleep(5 * PAUSE_S)


main()
