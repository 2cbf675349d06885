"""Publishes one message into a JetStream stream with nats-py; makes the stream if it is not there.

usage: nats_publish.py URL STREAM SUBJECT ID PAYLOAD
"""
import asyncio
import sys

import nats


async def main():
    url, stream, subject, number, payload = sys.argv[1:6]
    connection = await nats.connect(url, connect_timeout=5, max_reconnect_attempts=2)
    jetstream = connection.jetstream()
    await jetstream.add_stream(name=stream, subjects=[f"{subject.split('.')[0]}.>"])
    await jetstream.publish(subject, payload.encode(), headers={"Nats-Msg-Id": number})
    await connection.close()


asyncio.run(main())
