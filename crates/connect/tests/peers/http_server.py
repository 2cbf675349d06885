"""An HTTP server from Python's own library, steered by lines on standard input.

usage: http_server.py PORT [CERTIFICATE KEY]
put PATH JSON      answers PATH with this text as application/json
status PATH CODE   answers PATH with this code and nothing else; 302 with a Location
token TOKEN        every request must carry `Authorization: Bearer TOKEN`; empty: none
slow PATH SECONDS  waits before it answers PATH
close PATH         closes the connection without an answer, once
count PATH         how often PATH was asked for
agent              the last User-Agent
"""
import http.server
import ssl
import sys
import threading
import time

documents, codes, slow, counts = {}, {}, {}, {}
closing = set()
state = {"token": "", "agent": ""}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path
        counts[path] = counts.get(path, 0) + 1
        state["agent"] = self.headers.get("User-Agent", "")
        time.sleep(slow.get(path, 0))
        if path in closing:
            closing.discard(path)
            self.close_connection = True
            return
        if state["token"] and self.headers.get("Authorization") != "Bearer " + state["token"]:
            return self.answer(401, b"")
        if path in codes:
            return self.answer(codes[path], b"")
        if path not in documents:
            return self.answer(404, b"not here")
        self.answer(200, documents[path].encode())

    def answer(self, code, body):
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    words = line.rstrip("\n").split(" ", 2)
    answer = "ok"
    if words[0] == "put":
        documents[words[1]] = words[2]
        codes.pop(words[1], None)
    elif words[0] == "status":
        codes[words[1]] = int(words[2])
    elif words[0] == "token":
        state["token"] = words[1] if len(words) > 1 else ""
    elif words[0] == "slow":
        slow[words[1]] = float(words[2])
    elif words[0] == "close":
        closing.add(words[1])
    elif words[0] == "count":
        answer = str(counts.get(words[1], 0))
    elif words[0] == "agent":
        answer = state["agent"]
    else:
        answer = "what?"
    print(answer, flush=True)
