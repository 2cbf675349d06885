"""A pymodbus server that says who it is. usage: modbus_identity.py HOST PORT | serial LINE"""
import asyncio, sys
from pymodbus import FramerType, ModbusDeviceIdentification
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


async def main():
    identity = ModbusDeviceIdentification(info_name={
        "VendorName": "Pymodbus Works", "ProductCode": "PM", "MajorMinorRevision": "3.16",
        "ProductName": "Bench server", "ModelName": "PM-1"})
    block = [SimData(0, count=100, values=0, datatype=DataType.REGISTERS)]
    bits = [SimData(0, count=100, values=False, datatype=DataType.BITS)]
    context = [SimDevice(1, simdata=(bits, bits, block, block))]
    if sys.argv[1] == "serial":
        server = ModbusSerialServer(context, framer=FramerType.RTU, port=sys.argv[2], baudrate=19200, parity="N")
    else:
        server = ModbusTcpServer(context, framer=FramerType.SOCKET, identity=identity,
                                 address=(sys.argv[1], int(sys.argv[2])))
    task = asyncio.create_task(server.serve_forever())
    loop = asyncio.get_running_loop()
    while not task.done() and server.transport is None:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)

asyncio.run(main())
