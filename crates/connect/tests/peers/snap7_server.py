"""An S7 server made of snap7, steered by lines on standard input.

usage: snap7_server.py PORT
Encodings are made by Python's struct and by snap7's own setters, so that they are nobody's here.

  put AREA NUMBER OFFSET HEX      writes bytes: db, mk, pe, pa, tm, ct
  take AREA NUMBER OFFSET COUNT   prints bytes in hexadecimal
  set TYPE OFFSET VALUE           writes a value into DB 1 with snap7's setter
  get TYPE OFFSET                 prints a value of DB 1 with snap7's getter
  cpu run|stop                    the state of the CPU
"""
import ctypes
import datetime
import sys

import snap7
from snap7 import util
from snap7.server import Server
from snap7.type import SrvArea

SIZES = {("db", 1): 512, ("db", 2): 1000, ("mk", 0): 64, ("pe", 0): 64, ("pa", 0): 64, ("tm", 0): 64, ("ct", 0): 64}
AREAS = {"db": SrvArea.DB, "mk": SrvArea.MK, "pe": SrvArea.PE, "pa": SrvArea.PA, "tm": SrvArea.TM, "ct": SrvArea.CT}

server = Server(log=False)
memory = {}
for (area, number), size in SIZES.items():
    memory[area, number] = (ctypes.c_uint8 * size)()
    server.register_area(AREAS[area], number, memory[area, number])
server.start_to("127.0.0.1", int(sys.argv[1]))
print("ready", flush=True)

SETTERS = {
    "INT": lambda b, o, v: util.set_int(b, o, int(v)),
    "UINT": lambda b, o, v: util.set_uint(b, o, int(v)),
    "DINT": lambda b, o, v: util.set_dint(b, o, int(v)),
    "DWORD": lambda b, o, v: util.set_dword(b, o, int(v)),
    "USINT": lambda b, o, v: util.set_usint(b, o, int(v)),
    "SINT": lambda b, o, v: util.set_sint(b, o, int(v)),
    "REAL": lambda b, o, v: util.set_real(b, o, float(v)),
    "LREAL": lambda b, o, v: util.set_lreal(b, o, float(v)),
    "STRING": lambda b, o, v: util.set_string(b, o, v, 20),
    "TIME": lambda b, o, v: util.set_time(b, o, v),
    "DATE": lambda b, o, v: util.set_date(b, o, datetime.date.fromisoformat(v)),
}
GETTERS = {
    "INT": util.get_int, "UINT": util.get_uint, "DINT": util.get_dint, "DWORD": util.get_dword,
    "USINT": util.get_usint, "SINT": util.get_sint, "REAL": util.get_real, "LREAL": util.get_lreal,
    "STRING": util.get_string, "DATE": util.get_date,
    "DT": util.get_dt, "DTL": lambda b, o: util.get_dtl(b, o).isoformat(),
}

for line in sys.stdin:
    command, *rest = line.split()
    answer = "ok"
    if command == "put":
        area, number, offset, data = rest
        data, offset = bytes.fromhex(data), int(offset)
        memory[area, int(number)][offset:offset + len(data)] = list(data)
    elif command == "take":
        area, number, offset, count = rest
        offset = int(offset)
        answer = bytes(memory[area, int(number)][offset:offset + int(count)]).hex()
    elif command == "set":
        kind, offset, value = rest
        offset, held = int(offset), bytearray(memory["db", 1])
        SETTERS[kind](held, offset, value)
        memory["db", 1][:] = list(held)
    elif command == "get":
        kind, offset = rest
        answer = str(GETTERS[kind](bytearray(memory["db", 1]), int(offset)))
    elif command == "cpu":
        server.set_cpu_status(8 if rest[0] == "run" else 4)
    print(answer, flush=True)
server.stop()
