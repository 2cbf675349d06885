"""A cpppo EtherNet/IP server with a few tags. Prints `ready` when it listens; serves until it is killed."""
import socket
import sys
import threading
import time

from cpppo.server.enip.main import main

port = int(sys.argv[1])
tags = ["SCADA=INT[10]", "SPEED=REAL", "TOTAL=DINT", "NAME=SSTRING"]
threading.Thread(target=main, kwargs={"argv": ["--no-udp", "-a", f"127.0.0.1:{port}", *tags]}, daemon=True).start()
deadline = time.monotonic() + 20
while True:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        break
    except OSError:
        if time.monotonic() > deadline:
            sys.exit("cpppo does not listen")
        time.sleep(0.05)
print("ready", flush=True)
threading.Event().wait()
