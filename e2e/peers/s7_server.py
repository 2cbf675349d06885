"""A snap7 server. usage: s7_server.py PORT [HOST]

DB 10: byte 0 = counter that grows by one every 50 ms (DINT), 4 = 12.5 (REAL), 8 = a free REAL, 12 = STRING[16] "IRON",
byte 30 bit 0 = a free bit. There is no other block.
"""

import ctypes
import struct
import sys
import time

from snap7.server import Server
from snap7.type import SrvArea

server = Server(log=False)
memory = (ctypes.c_uint8 * 64)()


def put(offset, data):
    memory[offset : offset + len(data)] = list(data)


put(4, struct.pack(">f", 12.5))
put(12, b"\x10\x04IRON")
server.register_area(SrvArea.DB, 10, memory)
server.start_to(sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", int(sys.argv[1]))
count = 0
while True:
    count += 1
    put(0, struct.pack(">i", count))
    time.sleep(0.05)
