"""A device that announces OPC UA by multicast DNS (zeroconf). usage: mdns_names.py ADDRESS"""
import socket
import sys
from zeroconf import ServiceInfo, Zeroconf

zeroconf = Zeroconf(interfaces=[sys.argv[1]])
info = ServiceInfo("_opcua-tcp._tcp.local.", "Press 4._opcua-tcp._tcp.local.", port=4840,
                   addresses=[socket.inet_aton(sys.argv[1])], server="press-4.local.")
zeroconf.register_service(info)
print("ready", flush=True)
sys.stdin.readline()
zeroconf.close()
