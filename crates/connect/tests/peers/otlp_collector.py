"""A small OTLP/HTTP receiver that decodes with the official protocol definitions.

usage: otlp_collector.py PORT
Appends what came to `metrics` and `logs`, one JSON object a line. Reads the file `mood` before each request:
`busy` answers 503 with Retry-After: 1; `part` takes all but one; `never` refuses a request that has a point named
plant.poison.
"""

import gzip
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)


def mood():
    return open("mood").read().strip() if os.path.exists("mood") else ""


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        packed = self.headers.get("content-encoding") == "gzip"
        body = gzip.decompress(body) if packed else body
        if mood() == "busy":
            open("busy", "a").write("x")
            return self.reply(503, retry_after="1")
        metrics = self.path.endswith("/v1/metrics")
        request = (ExportMetricsServiceRequest if metrics else ExportLogsServiceRequest).FromString(body)
        rows = []
        for of in request.resource_metrics if metrics else request.resource_logs:
            who = {pair.key: pair.value.string_value for pair in of.resource.attributes}
            for scope in of.scope_metrics if metrics else of.scope_logs:
                for one in scope.metrics if metrics else scope.log_records:
                    rows.append({"who": who, "packed": packed, "token": self.headers.get("authorization", ""),
                                 **MessageToDict(one)})
        if mood() == "never" and any(row.get("name") == "plant.poison" for row in rows):
            return self.reply(400, b"poison")
        with open("metrics" if metrics else "logs", "a") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
        answer = ExportMetricsServiceResponse() if metrics else ExportLogsServiceResponse()
        if mood() == "part" and metrics:
            answer.partial_success.rejected_data_points = 1
            answer.partial_success.error_message = "one is too old"
        self.reply(200, answer.SerializeToString())


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Collector).serve_forever()
