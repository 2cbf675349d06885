"""Signs in as it should, and then breaks the protocol in one way after the other; prints what was answered to each. Words:
connection string."""

import json
import os
import socket
import struct
import sys

import psycopg

dsn = sys.argv[1]


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def statement(name, text):
    return message(b"P", name.encode() + b"\0" + text.encode() + b"\0\0\0")


def portal(name, value):
    parts = [name.encode(), b"\0s\0", struct.pack("!hhi", 0, 1, len(value)), value, struct.pack("!h", 0)]
    return message(b"B", b"".join(parts))


SYNC, END = message(b"S", b""), message(b"X", b"")
BREACHES = {
    "unknown type": message(b"?", b""),
    "endless": b"Q\x7f\xff\xff\xff",
    "negative length": b"Q\xff\xff\xff\xff",
    "length without itself": b"Q\0\0\0\3",
    "text without end": message(b"Q", b"select 1"),
    "not UTF-8": message(b"Q", b"\xff\xfe\0"),
    "more values than there are": message(b"B", b"\0\0\0\0\0\1\x7f\xff\xff\xff"),
    "too many values": message(b"B", b"\0\0\xff\xff"),
    "sign-in again": message(b"p", b"SCRAM-SHA-256\0"),
    # Many that are each within bounds.
    "statements hoarded": b"".join(statement(f"s{at}", f"select '{'x' * 500_000}'") for at in range(6)) + SYNC + END,
    "values hoarded": statement("s", "select $1::text")
    + b"".join(portal(f"p{at}", b"x" * 2_000_000) for at in range(6))
    + SYNC
    + END,
}

out = {}
for name, data in BREACHES.items():
    connection = psycopg.connect(dsn, autocommit=True)
    line = socket.socket(fileno=os.dup(connection.fileno()))
    line.settimeout(60)
    line.sendall(data)
    heard = b""
    while chunk := line.recv(65_536):
        heard += chunk
    out[name] = heard.decode(errors="replace")
    line.close()
    connection.close()
print(json.dumps(out))
