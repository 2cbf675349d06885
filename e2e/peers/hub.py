"""A hub with a span port. usage: hub.py SPAN FILE PORT...

Every frame that comes in at a PORT goes out at SPAN and then at all other PORTs. While FILE exists, somebody stands behind the
span port: the last register of each Modbus answer to a read of registers on its way to the first PORT is changed to 4711. If FILE
holds "s7", it is the last word of each S7 answer to a read instead.
"""

import select
import socket
import struct
import sys

OUTGOING = 4


def port(name):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    opened.bind((name, 0))
    member = struct.pack("iHH8s", socket.if_nametoindex(name), 1, 0, b"")
    opened.setsockopt(263, 1, member)  # SOL_PACKET, PACKET_ADD_MEMBERSHIP: promiscuous
    return opened


def total(data):
    if len(data) % 2:
        data += b"\0"
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return ~value & 0xFFFF


def parts(frame):
    """Where TCP or UDP begins and the packet ends, and which of them; None for anything else."""
    if frame[12:14] != b"\x08\x00" or frame[23] not in (6, 17):
        return None
    begin = 14 + (frame[14] & 15) * 4
    return begin, 14 + struct.unpack(">H", frame[16:18])[0], frame[23]


def mend(frame):
    """Sums that the sender left to a card that is not there."""
    found = parts(frame)
    if not found:
        return frame
    begin, end, protocol = found
    place = begin + (16 if protocol == 6 else 6)
    body = bytearray(frame[begin:end])
    body[place - begin : place - begin + 2] = b"\0\0"
    head = frame[26:34] + struct.pack(">BBH", 0, protocol, len(body))
    body[place - begin : place - begin + 2] = struct.pack(">H", total(head + bytes(body)))
    return frame[:begin] + bytes(body) + frame[end:]


def is_modbus_read(data):
    return len(data) >= 11 and data[7] == 3


def is_s7_read(data):
    """TPKT, COTP data, S7 answer (3), function 4."""
    return len(data) >= 27 and data[0] == 3 and data[5] == 0xF0 and data[7:9] == b"\x32\x03" and data[19] == 4


CHANGED = {"": (502, is_modbus_read), "s7": (102, is_s7_read)}


def change(frame, what):
    found = parts(frame)
    if not found or found[2] != 6 or what not in CHANGED:
        return frame
    begin, end, _ = found
    port, is_read = CHANGED[what]
    data = begin + (frame[begin + 12] >> 4) * 4
    if frame[begin : begin + 2] != struct.pack(">H", port) or not is_read(frame[data:end]):
        return frame
    return mend(frame[: end - 2] + struct.pack(">H", 4711) + frame[end:])


def wanted(file):
    try:
        with open(file) as wish:
            return wish.read().strip()
    except FileNotFoundError:
        return None


def main(span, file, names):
    mirror, ports = port(span), [port(name) for name in names]
    while True:
        for source in select.select(ports, [], [])[0]:
            frame, address = source.recvfrom(65536)
            if address[2] == OUTGOING:
                continue
            frame = mend(frame)
            mirror.send(frame)
            for out in ports:
                if out is not source:
                    out.send(change(frame, wanted(file)) if out is ports[0] else frame)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
