"""Manual check of the simulated plant with a client nobody here wrote (pip install pymodbus).

Start `cargo run -p twin --example simulate plant` first. Exits with 1 at the first difference.
"""
import struct
import sys

from pymodbus.client import ModbusTcpClient
from pymodbus import FramerType


def f32(words, low_first):
    a, b = (words[1], words[0]) if low_first else (words[0], words[1])
    return struct.unpack(">f", struct.pack(">HH", a, b))[0]


def words(value, low_first):
    a, b = struct.unpack(">HH", struct.pack(">f", value))
    return [b, a] if low_first else [a, b]


def check(what, ok):
    print("ok  " if ok else "FAIL", what)
    if not ok:
        sys.exit(1)


line = ModbusTcpClient("127.0.0.1", port=5020)
check("connect", line.connect())
check("filler speed (CDAB)", 0 <= f32(line.read_holding_registers(100, count=2, device_id=1).registers, True) < 620)
check("filler state", 1 <= line.read_holding_registers(119, count=1, device_id=1).registers[0] <= 17)
batch = line.read_holding_registers(159, count=8, device_id=1).registers
check("batch id", struct.pack(">8H", *batch).startswith(b"B-000"))
check("hole is exception 2", line.read_holding_registers(114, count=1, device_id=1).exception_code == 2)
check("unknown unit is exception 11", line.read_holding_registers(0, count=1, device_id=9).exception_code == 11)
check("write target", not line.write_registers(200, words(300.0, True), device_id=1).isError())
check("read target", f32(line.read_holding_registers(200, count=2, device_id=1).registers, True) == 300.0)
check("mad target is exception 3", line.write_registers(200, words(9e9, True), device_id=1).exception_code == 3)
check("mask write", not line.mask_write_register(address=209, and_mask=0xFFFE, or_mask=1, device_id=1).isError())
both = line.readwrite_registers(read_address=209, read_count=1, write_address=208, values=[7], device_id=1)
check("read/write", both.registers == [1])
check("write coil", not line.write_coil(0, True, device_id=2).isError())
check("read coil", line.read_coils(0, count=1, device_id=2).bits[0])
check("write coils", not line.write_coils(0, [False], device_id=2).isError())
check("discrete inputs", len(line.read_discrete_inputs(0, count=2, device_id=2).bits) >= 2)
ident = line.read_device_information(read_code=2, object_id=0, device_id=1)
check("identification", ident.information[0] == b"Ironbridge simulation" and ident.information[4] == b"Rotary filler")
check("server id", line.report_device_id(device_id=1).identifier[:1] == b"\x01")
check("diagnostics echo", line.diag_query_data(msg=b"\x12\x34", device_id=1).message == b"\x12\x34")
check("event counter", line.diag_get_comm_event_counter(device_id=1).count > 0)
check("event log", line.diag_get_comm_event_log(device_id=1).message_count > 0)
line.close()

boiler = ModbusTcpClient("127.0.0.1", port=5022)
check("connect boiler", boiler.connect())
pressure = f32(boiler.read_input_registers(0, count=2, device_id=255).registers, False)
check(f"steam pressure {pressure:.2f} bar", 5 < pressure < 10)
boiler.close()

meters = ModbusTcpClient("127.0.0.1", port=5024, framer=FramerType.RTU, timeout=1, retries=0)
check("connect meters (RTU over TCP)", meters.connect())
for unit in (11, 12, 13, 15, 16):
    volts = f32(meters.read_input_registers(0, count=2, device_id=unit).registers, False)
    check(f"meter {unit}: {volts:.1f} V", 220 < volts < 240)
meters.close()

control = ModbusTcpClient("127.0.0.1", port=5025)
check("connect control", control.connect())
check("worn bearing on", not control.write_coil(2, True).isError() and control.read_coils(2, count=1).bits[0])
check("worn bearing off", not control.write_coil(2, False).isError())
control.close()
print("all as expected")
