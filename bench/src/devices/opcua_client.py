"""Subscribes to n0, n1, ... with asyncua; prints notifications and microseconds of processor time of some seconds.

Usage: opcua_client.py URL MANY SECONDS
"""
import asyncio
import sys
import time

from asyncua import Client


class Count:
    def __init__(self):
        self.count = 0

    def datachange_notification(self, node, value, data):
        self.count += 1


async def main():
    many, seconds = int(sys.argv[2]), float(sys.argv[3])
    count = Count()
    async with Client(sys.argv[1]) as client:
        subscription = await client.create_subscription(100, count)
        for start in range(0, many, 1000):
            nodes = [client.get_node(f"ns=2;s=n{number}") for number in range(start, min(start + 1000, many))]
            await subscription.subscribe_data_change(nodes, queuesize=10, sampling_interval=100)
        while count.count < many:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        before, cpu = count.count, time.process_time()
        await asyncio.sleep(seconds)
        print(count.count - before, int((time.process_time() - cpu) * 1e6), flush=True)


asyncio.run(main())
