"""A consumer that believes nothing but the published schema. usage: contract_reader.py MQTT_PORT HTTP_PORT FOLDER COUNT NAME...

Collects at least COUNT messages of each destination NAME (MQTT topics begin with NAME/, webhooks post to /NAME), then takes
FOLDER/NAME.json, the answer of /api/destinations/NAME/schema, and holds each message against it: JSON by jsonschema, Avro by
fastavro, Protocol Buffers by protoc and Google's own runtime. Prints what it read as JSON; ends with 1 and the reason where
something does not fit.
"""

import http.server
import importlib
import io
import json
import pathlib
import re
import sys
import tempfile
import threading
import time

import fastavro
import jsonschema
import paho.mqtt.client as mqtt
from grpc_tools import protoc

mqtt_port, http_port, folder, count, *names = sys.argv[1:]
found = {name: [] for name in names}


def take(name, place, media, payload):
    if name in found and len(found[name]) < 100_000:
        found[name].append((place, media, payload))


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        take(self.path.strip("/"), self.headers.get("X-Ironbridge-Place"), self.headers["Content-Type"], body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(http_port)), Hook)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
client.on_message = lambda _client, _data, m: take(m.topic.split("/")[0], m.topic, None, m.payload)
client.connect("127.0.0.1", int(mqtt_port))
client.loop_start()

deadline = time.monotonic() + 120
while time.monotonic() < deadline:
    missing = [name for name in names if len(found[name]) < int(count)]
    files = [pathlib.Path(folder, f"{name}.json") for name in names]
    if not missing and all(file.exists() for file in files):
        break
    time.sleep(0.1)
else:
    sys.exit(f"too few messages: { {name: len(all_) for name, all_ in found.items()} }")


def compiled(schema, known={}):
    """The module that protoc makes of a .proto file."""
    if schema not in known:
        made = tempfile.mkdtemp()
        name = f"told{len(known)}"
        pathlib.Path(made, f"{name}.proto").write_text(schema)
        assert protoc.main(["protoc", f"-I{made}", f"--python_out={made}", f"{name}.proto"]) == 0
        sys.path.insert(0, made)
        known[schema] = importlib.import_module(f"{name}_pb2")
    return known[schema]


def protobuf(schema, payload):
    module = compiled(schema)
    if hasattr(module, "Sample"):
        sample = module.Sample.FromString(payload)
        which = sample.WhichOneof("value")
        return {"path": sample.path, "time": sample.time, "seq": sample.seq, "quality": sample.quality, "unit": sample.unit,
                "historical": sample.historical, "value": getattr(sample, which) if which else None}
    read = module.Payload.FromString(payload)
    return {metric.name: None if metric.is_null else getattr(metric, metric.WhichOneof("value")) for metric in read.metrics}


def avro(schema, payload):
    parsed = fastavro.parse_schema(json.loads(schema))
    mark = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(json.loads(schema)), "CRC-64-AVRO")
    assert payload[:10].hex() == "c301" + mark, (payload[:10].hex(), mark)
    rest = io.BytesIO(payload[10:])
    record = fastavro.schemaless_reader(rest, parsed)
    assert not rest.read(), "bytes behind the record"
    return record


def told(contract, place, media):
    """The messages of the contract that can be meant."""
    for one in contract["messages"]:
        at = one["place"].removeprefix("topic ")
        pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(at))
        if one["of"] != "event" and (media is not None and one["media"] == media or media is None and re.fullmatch(pattern, place)):
            yield one


read = {}
for name in names:
    contract = json.loads(pathlib.Path(folder, f"{name}.json").read_text())
    read[name] = []
    for place, media, payload in found[name]:
        meant = list(told(contract, place, media))
        if len(meant) != 1:
            sys.exit(f"{name}: {len(meant)} schemas for {place} {media}")
        match meant[0]["language"]:
            case "json-schema":
                schema, value = json.loads(meant[0]["schema"]), json.loads(payload)
                jsonschema.Draft202012Validator.check_schema(schema)
                try:
                    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
                except jsonschema.ValidationError as why:
                    sys.exit(f"{name} {place}: {payload!r} does not keep its schema: {why}")
            case "avro":
                value = avro(meant[0]["schema"], payload)
            case "protobuf":
                value = protobuf(meant[0]["schema"], payload)
            case other:
                sys.exit(f"{name}: a schema in {other}")
        read[name].append({"place": place, "value": value})
print(json.dumps({name: all_[:2000] for name, all_ in read.items()}, default=str))
