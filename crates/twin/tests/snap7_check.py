"""The simulated S7 CPU with a client nobody here wrote (pip install python-snap7==2.0.2).

usage: snap7_check.py PORT. Expects the memory that tests/it/s7.rs makes. Exits with 1 at the first difference.
"""
import ctypes
import struct
import sys

import snap7
from snap7.type import Areas, S7DataItem, WordLen


def check(what, ok):
    print("ok  " if ok else "FAIL", what, flush=True)
    if not ok:
        sys.exit(1)


def refused(words, act):
    try:
        act()
    except Exception as error:  # the library raises plain RuntimeError
        return words in str(error)
    return False


client = snap7.client.Client()
client.connect("127.0.0.1", 0, 2, int(sys.argv[1]))
check("connect", client.get_connected())
check("PDU negotiated to 240", client.get_pdu_length() == 240)

check("read DB10", bytes(client.db_read(10, 0, 4)) == b"\x01\x02\x03\x04")
check("read more than one PDU", bytes(client.db_read(20, 0, 1000)) == bytes(i % 251 for i in range(1000)))
client.db_write(10, 4, bytearray(struct.pack(">f", 12.5)))
check("write DB10", struct.unpack(">f", client.db_read(10, 4, 4))[0] == 12.5)
client.write_area(Areas.MK, 0, 10, bytearray(b"\xAB\xCD"))
check("flags", bytes(client.mb_read(10, 2)) == b"\xAB\xCD")
check("inputs", bytes(client.eb_read(0, 2)) == b"\x55\xAA")
client.ab_write(3, bytearray(b"\x7F"))
check("outputs", bytes(client.ab_read(3, 1)) == b"\x7F")
check("timer", client.tm_read(1, 1)[0:2] == bytearray(b"\x21\x27"))
check("counter", client.ct_read(1, 1)[0:2] == bytearray(b"\x01\x23"))

check("missing block", refused("Item not available", lambda: client.db_read(99, 0, 1)))
check("outside the block", refused("Address out of range", lambda: client.db_read(10, 60, 100)))
check("optimised block", refused("Item not available", lambda: client.db_read(30, 0, 1)))
check("read-only block", refused("", lambda: client.db_write(40, 0, bytearray(1))))

items = (S7DataItem * 4)()
buffers = []
for item, (area, db, start, amount) in zip(items, [(Areas.DB, 10, 0, 3), (Areas.DB, 99, 0, 1), (Areas.MK, 0, 10, 1), (Areas.PE, 0, 0, 2)]):
    item.Area, item.WordLen, item.DBNumber, item.Start, item.Amount = ctypes.c_int32(area.value), ctypes.c_int32(WordLen.Byte.value), db, start, amount
    buffer = ctypes.create_string_buffer(amount)
    buffers.append(buffer)
    item.pData = ctypes.cast(ctypes.pointer(buffer), ctypes.POINTER(ctypes.c_uint8))
code, items = client.read_multi_vars(items)
check("several items", code == 0)
check("the missing one is refused alone", [item.Result != 0 for item in items] == [False, True, False, False])
check("its siblings are right", [b.raw for b in buffers[:1] + buffers[2:]] == [b"\x01\x02\x03", b"\xAB", b"\x55\xAA"])

check("state", client.get_cpu_state() == "S7CpuStatusRun")
info = client.get_cpu_info()
check("module type", info.ModuleTypeName == b"CPU 315-2 PN/DP")
check("serial number", info.SerialNumber == b"S SIM0001")
check("name", info.ASName == b"Ironbridge simulation")
order = client.get_order_code()
check("order number", order.OrderCode.startswith(b"IB7 315-2EH14-0AB0"))
check("firmware", (order.V1, order.V2, order.V3) == (3, 2, 6))
cp = client.get_cp_info()
check("communication", cp.MaxPduLength == 240)
check("list of lists", client.read_szl_list())
client.disconnect()
print("all as expected")
