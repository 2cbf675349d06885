"""Reads tags T0..T999 of a Logix controller with pycomm3 for some seconds; prints values per second.

Usage: pycomm3_speed.py PATH SECONDS
"""
import sys
import time

from pycomm3 import LogixDriver

with LogixDriver(sys.argv[1]) as plc:
    tags = [f"T{n}" for n in range(1000)]
    values, start = 0, time.monotonic()
    while time.monotonic() - start < float(sys.argv[2]):
        values += sum(tag.error is None for tag in plc.read(*tags))
    print(values / (time.monotonic() - start))
