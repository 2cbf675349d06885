"""Follows a stream of samples with httpx-sse, cuts it, and comes back with the last id.

usage: sse_reader.py http://HOST:PORT TOKEN PATTERN
Prints one JSON object.
"""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse

base, token, pattern = sys.argv[1:4]
headers = {"authorization": f"Bearer {token}"}
client = httpx.Client(base_url=base, timeout=60)
first, keys, kinds, last = None, [], [], None


def follow(least):
    """Reads until there are so many samples more."""
    global first, last
    more = dict(headers, **({"last-event-id": last} if last else {}))
    got = 0
    with connect_sse(client, "GET", "/api/stream", params={"points": pattern, "events": "all"}, headers=more) as source:
        source.response.raise_for_status()
        for event in source.iter_sse():
            data = json.loads(event.data)
            kinds.append(event.event)
            last = event.id or last
            if event.event == "values" and first is None:
                first = len(data["points"])
            if event.event == "samples":
                for sample in data["samples"]:
                    keys.append((sample["path"], sample["time"], sample["seq"]))
                    got += 1
                if got >= least:
                    return


follow(50)
began = min(int(seq) for _, _, seq in keys)
cut = len(keys)
time.sleep(2)  # the plant goes on while nobody listens
follow(50)
print(json.dumps({
    "points": first,
    "keys": keys,
    "once": len(set(keys)),
    "cut": cut,
    "kinds": sorted(set(kinds)),
    "from": str(began),
    "to": str(max(int(seq) for _, _, seq in keys)),
}))
