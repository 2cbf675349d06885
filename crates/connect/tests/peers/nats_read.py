"""Reads a whole JetStream stream with nats-py and prints a JSON object a message: seq, subject, id, data.

usage: nats_read.py URL STREAM [delete | purge]    delete: removes the stream instead; purge: its messages
"""
import asyncio
import json
import sys

import nats


async def main():
    url, stream = sys.argv[1:3]
    connection = await nats.connect(url, connect_timeout=5, max_reconnect_attempts=2)
    jetstream = connection.jetstream()
    if "delete" in sys.argv:
        await jetstream.delete_stream(stream)
        await connection.close()
        return
    if "purge" in sys.argv:
        await jetstream.purge_stream(stream)
        await connection.close()
        return
    info = await jetstream.stream_info(stream)
    subscription = await jetstream.subscribe(
        ">", stream=stream, ordered_consumer=True, pending_msgs_limit=10_000_000, pending_bytes_limit=1 << 30
    )
    for _ in range(info.state.messages):
        message = await subscription.next_msg(timeout=10)
        print(json.dumps({
            "seq": message.metadata.sequence.stream,
            "subject": message.subject,
            "id": message.headers.get("Nats-Msg-Id"),
            "data": message.data.decode(),
        }))
    await connection.close()


asyncio.run(main())
