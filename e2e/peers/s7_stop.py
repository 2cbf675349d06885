"""A snap7 client that tells a controller to stop. usage: s7_stop.py HOST PORT"""

import sys

from snap7.client import Client

client = Client()
client.connect(sys.argv[1], 0, 2, int(sys.argv[2]))
client.plc_stop()
client.disconnect()
