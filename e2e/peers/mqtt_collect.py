"""An independent subscriber. usage: mqtt_collect.py PORT FILE [TOPIC]

Writes one JSON line for each message: topic, payload (text), qos, retain. Connects again after a cut, with a lasting
session, so that the broker keeps what comes meanwhile. Ends with SIGTERM.
"""

import json
import sys

import paho.mqtt.client as mqtt

port, path = int(sys.argv[1]), sys.argv[2]
topic = sys.argv[3] if len(sys.argv) > 3 else "#"
out = open(path, "a", buffering=1)


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe(topic, qos=1)


def on_subscribe(client, userdata, mid, reasons, properties):
    out.write(json.dumps({"subscribed": topic}) + "\n")


def on_message(client, userdata, message):
    line = {
        "topic": message.topic,
        "payload": message.payload.decode("utf-8", "replace"),
        "qos": message.qos,
        "retain": message.retain,
    }
    out.write(json.dumps(line) + "\n")


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="collector", clean_session=False)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.reconnect_delay_set(min_delay=0.1, max_delay=0.2)
client.connect("127.0.0.1", port, keepalive=5)
client.loop_forever(retry_first_connection=True)
