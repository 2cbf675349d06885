"""A meter's web service, from Python's own library: /api/status for whoever has the token. usage: web_service.py PORT TOKEN"""
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        known = self.headers.get("Authorization") == "Bearer " + sys.argv[2]
        document = {"power": {"total": 5120.5}, "energy_wh": 98765}
        code = 404 if self.path != "/api/status" else 200 if known else 401
        body = json.dumps(document).encode() if code == 200 else b""
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
