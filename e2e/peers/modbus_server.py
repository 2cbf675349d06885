"""A pymodbus TCP server. usage: modbus_server.py PORT

Unit 1, holding registers from wire offset 0: 100 = counter that grows by one every 50 ms (u32, big endian),
110 = float 12.5 (f32, CDAB), 120.. = text "IRON", 200 = a free u16 that may be written, 210 = a free f32 (ABCD).
Coil 5 is free to be written.
"""

import asyncio
import struct
import sys

from pymodbus.server import StartAsyncTcpServer
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext

try:
    from pymodbus.datastore import ModbusDeviceContext as Device
except ImportError:
    from pymodbus.datastore import ModbusSlaveContext as Device


def words(data):
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


async def main(port):
    # pymodbus' data blocks count from 1; block address 1 is wire offset 0.
    holding = ModbusSequentialDataBlock(1, [0] * 1000)
    coils = ModbusSequentialDataBlock(1, [False] * 100)
    put = lambda offset, data: holding.setValues(offset + 1, words(data))
    f = struct.pack(">f", 12.5)
    put(110, f[2:] + f[:2])
    put(120, b"IRON")
    device = Device(hr=holding, ir=holding, co=coils, di=coils)
    try:
        context = ModbusServerContext(devices={1: device}, single=False)
    except TypeError:
        context = ModbusServerContext(slaves={1: device}, single=False)

    async def count():
        n = 0
        while True:
            n += 1
            put(100, struct.pack(">I", n))
            await asyncio.sleep(0.05)

    counting = asyncio.create_task(count())
    await StartAsyncTcpServer(context, address=("127.0.0.1", port))
    counting.cancel()


asyncio.run(main(int(sys.argv[1])))
