"""A pymodbus TCP server. usage: modbus_server.py PORT [HOST]

Unit 1, holding registers from wire offset 0: 100 = counter that grows by one every 50 ms (u32, big endian),
110 = float 12.5 (f32, CDAB), 120.. = text "IRON", 200 = a free u16 that may be written, 210 = a free f32 (ABCD).
Coil 5 is free to be written. Asked who it is, it says Acme Presses P-4, version 1.2.
"""

import asyncio
import struct
import sys

from pymodbus import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def words(data):
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


async def main(port, host):
    bits = [SimData(0, count=100, values=False, datatype=DataType.BITS)]
    registers = [SimData(0, count=1000, values=0, datatype=DataType.REGISTERS)]
    device = SimDevice(1, simdata=(bits, bits, registers, registers))
    identity = ModbusDeviceIdentification(info_name={"VendorName": "Acme Presses", "ProductCode": "P-4", "MajorMinorRevision": "1.2"})
    server = ModbusTcpServer([device], identity=identity, address=(host, port))

    async def put(offset, data):
        await server.async_setValues(1, 16, offset, words(data))

    async def count():
        f = struct.pack(">f", 12.5)
        await put(110, f[2:] + f[:2])
        await put(120, b"IRON")
        n = 0
        while True:
            n += 1
            await put(100, struct.pack(">I", n))
            await asyncio.sleep(0.05)

    counting = asyncio.create_task(count())
    await server.serve_forever()
    counting.cancel()


asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"))
