"""An OPC UA server made of asyncua whose variables n0, n1, ... all change at once, again and again.

usage: opcua_server.py PORT MANY EVERY_MS     prints "ready"; ends with its standard input
"""
import asyncio
import logging
import sys
from datetime import datetime, timezone

from asyncua import Server, ua


async def main():
    logging.disable(logging.CRITICAL)
    port, many, every = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = await server.register_namespace("urn:ironbridge:bench")
    line = await server.nodes.objects.add_object(ua.NodeId("Line", space), "Line")
    nodes = []
    for number in range(many):
        variable = await line.add_variable(ua.NodeId(f"n{number}", space), f"n{number}", float(number), ua.VariantType.Double)
        nodes.append(variable.nodeid)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    async with server:
        print("ready", flush=True)
        turn = 0
        while not ended.done():
            began = asyncio.get_running_loop().time()
            turn += 1
            now = datetime.now(timezone.utc)
            value = ua.DataValue(ua.Variant(float(turn), ua.VariantType.Double), SourceTimestamp=now, ServerTimestamp=now)
            for place, node in enumerate(nodes):
                await server.write_attribute_value(node, value)
                if place % 500 == 499:
                    await asyncio.sleep(0)
            await asyncio.sleep(max(0, began + every - asyncio.get_running_loop().time()))


asyncio.run(main())
