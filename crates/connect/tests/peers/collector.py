"""A web service that takes posts: writes each to `requests` (a JSON object a line) and answers 200.

Lines of the file `answers` are used up first as answers, across restarts; a body that says REFUSE ME is answered with 422.
The signature is checked with Python's own hmac.   usage: collector.py PORT
"""
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

lock = Lock()


def next_answer():
    if not os.path.exists("answers"):
        return None
    with open("answers") as file:
        lines = file.read().split()
    if not lines:
        return None
    with open("answers", "w") as file:
        file.write("\n".join(lines[1:]))
    return int(lines[0])


def signature(headers, body):
    parts = dict(part.split("=", 1) for part in headers.get("X-Ironbridge-Signature", "t=0").split(","))
    made = hmac.new(b"hush", parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return "good" if hmac.compare_digest(made, parts.get("v1", "")) else "wrong"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            answer = next_answer() or (422 if b"REFUSE ME" in body else 200)
            with open("requests", "a") as file:
                file.write(json.dumps({
                    "path": self.path, "answer": answer, "body": body.decode(),
                    "signature": signature(self.headers, body),
                    "authorization": self.headers.get("Authorization"),
                    "key": self.headers.get("Idempotency-Key"),
                }) + "\n")
        self.send_response(answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
