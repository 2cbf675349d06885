"""A pymodbus client. usage: modbus_do.py HOST PORT WHAT

WHAT: `write OFFSET VALUE` writes a holding register of unit 1; `hmi OFFSET VALUE` reads ten registers and writes one, five times a
second, until it is ended; `raw HEX` sends a PDU to unit 1 as it is.
"""

import socket
import struct
import sys
import time

from pymodbus.client import ModbusTcpClient

host, port, what, *words = sys.argv[1:]

if what == "raw":
    pdu = bytes.fromhex(words[0])
    with socket.create_connection((host, int(port)), timeout=10) as sent:
        sent.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, 1) + pdu)
        sent.recv(512)
    sys.exit(0)

client = ModbusTcpClient(host, port=int(port), timeout=10)
assert client.connect(), "no connection"
offset, value = map(int, words)
while True:
    if what == "hmi":
        assert not client.read_holding_registers(0, count=10, device_id=1).isError()
    assert not client.write_register(offset, value, device_id=1).isError()
    if what != "hmi":
        break
    time.sleep(0.2)
client.close()
