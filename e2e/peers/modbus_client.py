"""A pymodbus client with an address of its own. usage: modbus_client.py hmi|intruder SERVER PORT OWN

The HMI reads registers 100..109 of unit 1 ten times a second and writes register 200 every tenth time. The intruder asks who the
device is, writes register 200 and tells it to restart, once a second.
"""

import asyncio
import sys

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException


async def hmi(client, n):
    await client.read_holding_registers(100, count=10, device_id=1)
    if n % 10 == 0:
        await client.write_register(200, n % 1000, device_id=1)
    await asyncio.sleep(0.1)


async def intruder(client, _):
    await client.read_device_information(device_id=1)
    await client.write_register(200, 4242, device_id=1)
    await client.diag_restart_communication(False, device_id=1)
    await asyncio.sleep(1)


async def main(role, server, port, own):
    n = 0
    while True:
        client = AsyncModbusTcpClient(server, port=int(port), source_address=(own, 0))
        try:
            while await client.connect():
                n += 1
                await (hmi if role == "hmi" else intruder)(client, n)
        except ModbusException:
            # Refused or not answered: what was sent is what counts.
            client.close()
        await asyncio.sleep(0.2)


asyncio.run(main(*sys.argv[1:]))
