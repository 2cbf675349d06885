"""A Modbus server made of pymodbus, steered by lines on standard input.

usage: pymodbus_server.py tcp|rtu-tcp PORT   or   serial DEVICE   or   tls PORT CERTIFICATE KEY CLIENT-AUTHORITY
Encodings are made by Python's struct and compared with pymodbus's own, so that they are nobody's here.

  put TYPE ORDER ADDRESS VALUE...   writes the value into holding and input registers
  take TYPE ORDER ADDRESS           prints the value that stands in the holding registers
  bits TABLE ADDRESS 0|1...         writes coils (co) or discrete inputs (di)
  bit TABLE ADDRESS                 prints one
  regs ADDRESS COUNT                prints holding registers
"""
import asyncio, json, ssl, struct, sys
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

FORMATS = {"i16": "h", "u16": "H", "i32": "i", "u32": "I", "i64": "q", "u64": "Q", "f32": "f", "f64": "d"}
D = ModbusTcpClient.DATATYPE
PYMODBUS = {"i16": D.INT16, "u16": D.UINT16, "i32": D.INT32, "u32": D.UINT32, "i64": D.INT64, "u64": D.UINT64,
            "f32": D.FLOAT32, "f64": D.FLOAT64}


def order_words(words, order):
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    if order in ("BADC", "DCBA"):
        words = [((w & 0xFF) << 8) | (w >> 8) for w in words]
    return words


def parse(kind, text):
    return float(text) if kind.startswith("f") else int(text)


def encode(kind, order, value):
    if kind in ("bcd16", "bcd32"):
        raw = bytes.fromhex(value.rjust(4 if kind == "bcd16" else 8, "0"))
    elif kind == "text":
        raw = value.encode() + b"\0" * (len(value) % 2)
    else:
        raw = struct.pack(">" + FORMATS[kind], parse(kind, value))
        if order in ("ABCD", "CDAB"):
            own = ModbusTcpClient.convert_to_registers(parse(kind, value), PYMODBUS[kind], "big" if order == "ABCD" else "little")
            words = list(struct.unpack(f">{len(raw) // 2}H", raw))
            assert own == order_words(words, order), (own, words, kind, order)
    return order_words(list(struct.unpack(f">{len(raw) // 2}H", raw)), order)


WIDTH = {"i16": 1, "u16": 1, "bcd16": 1, "i32": 2, "u32": 2, "f32": 2, "bcd32": 2, "i64": 4, "u64": 4, "f64": 4}


def decode(kind, order, words):
    raw = struct.pack(f">{len(words)}H", *order_words(words, order))
    if kind in ("bcd16", "bcd32"):
        return int(raw.hex())
    return struct.unpack(">" + FORMATS[kind], raw)[0]


def device(unit):
    gaps = [(0, 5000), (5003, 5010), (5011, 9000)]  # holding registers 5000 to 5002 and 5010 do not exist
    holding = [SimData(low, count=high - low, values=0, datatype=DataType.REGISTERS) for low, high in gaps]
    block = lambda kind, value: [SimData(0, count=2000, values=value, datatype=kind)]
    return SimDevice(unit, simdata=(block(DataType.BITS, False), block(DataType.BITS, False), holding,
                                    block(DataType.REGISTERS, 0)))


async def main():
    context = [device(1), device(7)]
    mode, where = sys.argv[1], sys.argv[2]
    if mode == "serial":
        server = ModbusSerialServer(context, framer=FramerType.RTU, port=where, baudrate=19200, parity="N")
    elif mode == "tls":
        # Modbus/TCP Security keeps the MBAP header inside TLS; pymodbus's own TLS framer leaves it out.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[3], sys.argv[4])
        tls.load_verify_locations(sys.argv[5])
        tls.verify_mode = ssl.CERT_REQUIRED
        server = ModbusTlsServer(context, framer=FramerType.SOCKET, address=("127.0.0.1", int(where)), sslctx=tls)
    else:
        framer = FramerType.RTU if mode == "rtu-tcp" else FramerType.SOCKET
        server = ModbusTcpServer(context, framer=framer, address=("127.0.0.1", int(where)))
    task = asyncio.create_task(server.serve_forever())
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0.05)
        if task.done() or mode == "serial" or server.transport is not None:
            break
    print("ready", flush=True)
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            break
        command, *rest = line.split()
        answer = "ok"
        if command == "put":
            kind, order, address, value = rest
            words = encode(kind, order, value)
            await server.async_setValues(1, 16, int(address), words)
            if int(address) + len(words) <= 2000:
                await server.async_setValues(1, 4, int(address), words)
        elif command == "take":
            kind, order, address = rest
            words = await server.async_getValues(1, 3, int(address), WIDTH[kind])
            answer = json.dumps(decode(kind, order, words))
        elif command == "bits":
            table, address, *values = rest
            await server.async_setValues(1, 15 if table == "co" else 2, int(address), [v == "1" for v in values])
        elif command == "bit":
            table, address = rest
            answer = json.dumps(bool((await server.async_getValues(1, 1 if table == "co" else 2, int(address), 1))[0]))
        elif command == "regs":
            address, count = rest
            answer = json.dumps(await server.async_getValues(1, 3, int(address), int(count)))
        print(answer, flush=True)

asyncio.run(main())
