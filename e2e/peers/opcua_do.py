"""An asyncua client without security. usage: opcua_do.py URL WHAT NODE...

WHAT: `write NODE TYPE VALUE` writes a value, as number of the built-in type TYPE (Double, Int16, ...); `call OBJECT METHOD TYPE VALUE`
calls a method with one argument.
"""

import asyncio
import sys

from asyncua import Client, ua


async def main(url, what, *words):
    async with Client(url=url, timeout=10) as client:
        *nodes, kind, value = words
        kind = ua.VariantType[kind]
        value = ua.Variant(float(value) if kind in (ua.VariantType.Double, ua.VariantType.Float) else int(value), kind)
        found = [client.get_node(node) for node in nodes]
        if what == "write":
            await found[0].write_value(ua.DataValue(value))
        else:
            await found[0].call_method(found[1], value)


asyncio.run(main(*sys.argv[1:]))
