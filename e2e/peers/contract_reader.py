"""A consumer that believes nothing but the published schema. usage: contract_reader.py MQTT_PORT HTTP_PORT FOLDER COUNT NAME...

Collects at least COUNT messages of each destination NAME (MQTT topics begin with NAME/, webhooks post to /NAME), then takes
FOLDER/NAME.json, the answer of /api/destinations/NAME/schema, and holds each message against it (contract.py). Prints what it
read as JSON; ends with 1 and the reason where something does not fit.
"""

import http.server
import json
import pathlib
import sys
import threading
import time

import paho.mqtt.client as mqtt

import contract as keeper

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


def told(contract, place, media):
    """The messages of the contract that can be meant."""
    for one in contract["messages"]:
        at = one["place"].removeprefix("topic ")
        if one["of"] != "event" and (media is not None and one["media"] == media or media is None and keeper.fits(at, place)):
            yield one


read = {}
for name in names:
    contract = json.loads(pathlib.Path(folder, f"{name}.json").read_text())
    read[name] = []
    for place, media, payload in found[name]:
        try:
            meant = keeper.only(list(told(contract, place, media)), f"{place} {media}")
            read[name].append({"place": place, "value": keeper.value(meant, payload)})
        except keeper.Unkept as why:
            sys.exit(f"{name} {place}: {why}")
print(json.dumps({name: all_[:2000] for name, all_ in read.items()}, default=str))
