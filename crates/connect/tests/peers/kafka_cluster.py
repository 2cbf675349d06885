"""librdkafka's mock cluster with its consumer, steered by lines: {"ask": "bootstrap" | "topic" | "read" | "down" | "up" | "leader" |
"errors" | "advertise"}.

The cluster keeps what is produced in memory, checks the order of each producer's batches, and knows no disk.
usage: kafka_cluster.py BROKERS
"""
import ctypes
import glob
import json
import os
import sys
import time

import confluent_kafka

folder = os.path.join(os.path.dirname(os.path.dirname(confluent_kafka.__file__)), "confluent_kafka.libs")
lib = ctypes.CDLL(glob.glob(os.path.join(folder, "librdkafka-*"))[0])
lib.rd_kafka_conf_new.restype = ctypes.c_void_p
lib.rd_kafka_new.restype = ctypes.c_void_p
lib.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
lib.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
lib.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
lib.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
lib.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
lib.rd_kafka_mock_broker_set_down.argtypes = [ctypes.c_void_p, ctypes.c_int32]
lib.rd_kafka_mock_broker_set_up.argtypes = [ctypes.c_void_p, ctypes.c_int32]
lib.rd_kafka_mock_partition_set_leader.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32]
lib.rd_kafka_mock_broker_set_host_port.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int]
lib.rd_kafka_mock_push_request_errors_array.argtypes = [
    ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)]

error = ctypes.create_string_buffer(512)
client = lib.rd_kafka_new(0, lib.rd_kafka_conf_new(), error, len(error))
cluster = lib.rd_kafka_mock_cluster_new(client, int(sys.argv[1]))
bootstrap = lib.rd_kafka_mock_cluster_bootstraps(cluster).decode()


def told(value):
    """JSON as it is, everything else in hexadecimal."""
    try:
        return json.loads(value)
    except ValueError:
        return value.hex()


def read(topic, count, seconds, more):
    """At least `count` messages from the beginning, or what came within `seconds`; `more` are settings of the consumer."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": f"read-{time.monotonic_ns()}", "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "enable.partition.eof": True, **more})
    known = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in known])
    found, ends, deadline = [], set(), time.monotonic() + seconds
    while time.monotonic() < deadline and not (len(found) >= count and len(ends) == len(known)):
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            ends.add(message.partition())
            continue
        ends.discard(message.partition())
        found.append({
            "key": message.key().decode(), "data": told(message.value()), "partition": message.partition(),
            "offset": message.offset(), "time": message.timestamp()[1],
            "headers": {name: value.decode() for name, value in message.headers() or []}})
    consumer.close()
    return found


print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    said = {}
    match asked["ask"]:
        case "bootstrap":
            said = bootstrap
        case "topic":
            said = lib.rd_kafka_mock_topic_create(cluster, asked["topic"].encode(), asked["partitions"], 1)
        case "read":
            said = read(asked["topic"], asked["count"], asked.get("seconds", 20), asked.get("more", {}))
        case "down":
            said = lib.rd_kafka_mock_broker_set_down(cluster, asked["broker"])
        case "up":
            said = lib.rd_kafka_mock_broker_set_up(cluster, asked["broker"])
        case "leader":
            said = lib.rd_kafka_mock_partition_set_leader(
                cluster, asked["topic"].encode(), asked["partition"], asked["broker"])
        case "advertise":
            said = lib.rd_kafka_mock_broker_set_host_port(cluster, 1, b"127.0.0.1", asked["port"])
        case "errors":
            codes = (ctypes.c_int * len(asked["codes"]))(*asked["codes"])
            lib.rd_kafka_mock_push_request_errors_array(cluster, asked["request"], len(asked["codes"]), codes)
    print(json.dumps(said), flush=True)
