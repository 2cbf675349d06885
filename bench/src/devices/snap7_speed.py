"""Values a second that the python-snap7 client reads. usage: snap7_speed.py PORT dense|sparse SECONDS

dense: 2,000 REAL of DB 1 in one block; sparse: 1,000 REAL, one every 40 bytes, 20 variables a request (the most that the
client takes). Each value is decoded, as anybody would.
"""
import ctypes
import sys
import time

import snap7
from snap7 import util
from snap7.type import Areas, S7DataItem, WordLen

port, mode, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
client = snap7.client.Client()
client.connect("127.0.0.1", 0, 2, port)


def dense():
    data = client.db_read(1, 0, 8000)
    return [util.get_real(data, i * 4) for i in range(2000)]


requests = []
for first in range(0, 1000, 20):
    items, buffers = (S7DataItem * 20)(), []
    for item, number in zip(items, range(first, first + 20)):
        item.Area, item.WordLen = ctypes.c_int32(Areas.DB.value), ctypes.c_int32(WordLen.Byte.value)
        item.DBNumber, item.Start, item.Amount = 1, number * 40, 4
        buffer = ctypes.create_string_buffer(4)
        buffers.append(buffer)
        item.pData = ctypes.cast(ctypes.pointer(buffer), ctypes.POINTER(ctypes.c_uint8))
    requests.append((items, buffers))


def sparse():
    values = []
    for items, buffers in requests:
        client.read_multi_vars(items)
        values.extend(util.get_real(bytearray(buffer.raw), 0) for buffer in buffers)
    return values


read, count, start = {"dense": dense, "sparse": sparse}[mode], 0, time.perf_counter()
while time.perf_counter() - start < seconds:
    count += len(read())
print(round(count / (time.perf_counter() - start)))
