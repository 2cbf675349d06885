"""A publisher and a device behind a broker: paho-mqtt, steered by lines on standard input, words parted by tabs.

pub TOPIC QOS RETAIN HEX   publishes and waits for the broker
burst TOPIC FIRST COUNT    publishes {"n": NUMBER, "t": MILLISECONDS}, QoS 1, and waits for all
echo FROM TO               what comes on FROM is published on TO, retained
large TOPIC BYTES          publishes so many digits
wait                       until the broker is there again
last TOPIC                 prints the newest payload of a topic that echo listens on
"""
import json
import sys
import time

import paho.mqtt.client as mqtt

last = {}
echoes = {}


def on_message(client, _, message):
    last[message.topic] = message.payload
    if message.topic in echoes:
        client.publish(echoes[message.topic], message.payload, qos=1, retain=True)


def main():
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="peer", clean_session=False)
    client.max_inflight_messages_set(100)
    client.on_message = on_message
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()
    print("ready", flush=True)
    for line in sys.stdin:
        verb, *words = line.rstrip("\n").split("\t")
        answer = "ok"
        if verb == "pub":
            topic, qos, retain, payload = words[0], int(words[1]), words[2] == "1", bytes.fromhex(words[3])
            client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(20)
        elif verb == "burst":
            topic, first, count = words[0], int(words[1]), int(words[2])
            sent = []
            for number in range(first, first + count):
                payload = json.dumps({"n": number, "t": time.time_ns() // 1_000_000})
                sent.append(client.publish(topic, payload, qos=1))
            for info in sent:
                info.wait_for_publish(30)
        elif verb == "large":
            client.publish(words[0], b"1" * int(words[1]), qos=1).wait_for_publish(20)
        elif verb == "wait":
            while not client.is_connected():
                time.sleep(0.02)
        elif verb == "echo":
            echoes[words[0]] = words[1]
            client.subscribe(words[0], qos=1)
        elif verb == "last":
            answer = last.get(words[0], b"").decode()
        print(answer, flush=True)


main()
