"""pycomm3's SLC driver: reads and writes data files of an SLC 500. usage: pycomm3_slc.py PORT"""
import json
import sys

from pycomm3 import SLCDriver

with SLCDriver(f"127.0.0.1:{sys.argv[1]}") as plc:
    print("ready", flush=True)
    for line in sys.stdin:
        verb, *rest = json.loads(line)
        tag = plc.read(rest[0]) if verb == "read" else plc.write((rest[0], rest[1]))
        print(json.dumps({"value": tag.value, "error": tag.error}), flush=True)
