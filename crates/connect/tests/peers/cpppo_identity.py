"""A cpppo EtherNet/IP server, which answers ListIdentity. usage: cpppo_identity.py PORT"""
import socket, struct, sys, threading
from cpppo.server.enip.main import main

port = int(sys.argv[1])
threading.Thread(target=main, kwargs={"argv": ["--address", f"127.0.0.1:{port}", "SPEED=REAL[1]"]}, daemon=True).start()
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(0.2)
for _ in range(100):
    try:
        asker.sendto(struct.pack("<HHIIQI", 0x63, 0, 0, 0, 0, 0), ("127.0.0.1", port))
        asker.recv(1000)
        break
    except OSError:
        pass
print("ready", flush=True)
sys.stdin.readline()
