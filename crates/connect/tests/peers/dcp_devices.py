"""Two PROFINET devices made by scapy: answers DCP Identify on an interface. usage: dcp_devices.py INTERFACE"""
import sys
import threading

from scapy.all import Ether, Raw, sendp, sniff
from scapy.contrib import pnio_dcp
from scapy.contrib.pnio import ProfinetIO

interface = sys.argv[1]
DEVICES = [("00:1b:1b:01:02:03", b"press-4", b"S7-1500", 0x002A, 0x010E, "10.20.1.9"),
           ("00:a0:45:0a:0b:0c", b"", b"FL SWITCH", 0x00B0, 0x0042, "0.0.0.0")]


def response(request, device):
    mac, name, kind, vendor, number, address = device
    xid = request[pnio_dcp.ProfinetDCP].xid
    blocks = [pnio_dcp.DCPNameOfStationBlock(dcp_block_length=len(name) + 2, name_of_station=name),
              pnio_dcp.DCPManufacturerSpecificBlock(dcp_block_length=len(kind) + 2, device_vendor_value=kind),
              pnio_dcp.DCPDeviceIDBlock(dcp_block_length=6, vendor_id=vendor, device_id=number),
              pnio_dcp.DCPIPBlock(dcp_block_length=14, ip=address, netmask="255.255.255.0", gateway="0.0.0.0")]
    # scapy writes two bytes more behind a device id than its length says; blocks begin at even places.
    exact = [bytes(block)[:4 + block.dcp_block_length] for block in blocks]
    body = b"".join(block + b"\0" * (len(block) % 2) for block in exact)
    head = bytes([5, 1]) + xid.to_bytes(4, "big") + b"\0\0" + len(body).to_bytes(2, "big")
    return Ether(dst=request.src, src=mac, type=0x8892) / ProfinetIO(frameID=0xFEFF) / Raw(head + body)


def answer(frame):
    if pnio_dcp.ProfinetDCP in frame and frame[ProfinetIO].frameID == 0xFEFE:
        for device in DEVICES:
            sendp(response(frame, device), iface=interface, verbose=False)


def listen():
    sniff(iface=interface, prn=answer, store=False, started_callback=lambda: print("ready", flush=True))


threading.Thread(target=listen, daemon=True).start()
sys.stdin.readline()
