"""A switch and a PROFINET drive made by scapy that say by LLDP who they are, again and again. usage: lldp_switch.py INTERFACE"""
import sys
import threading

from scapy.all import Ether, sendp
from scapy.contrib.lldp import (
    LLDPDUChassisID,
    LLDPDUEndOfLLDPDU,
    LLDPDUManagementAddress,
    LLDPDUPortDescription,
    LLDPDUPortID,
    LLDPDUSystemCapabilities,
    LLDPDUSystemDescription,
    LLDPDUSystemName,
    LLDPDUTimeToLive,
)

interface = sys.argv[1]
GROUP = "01:80:c2:00:00:0e"
switch = (
    Ether(dst=GROUP, src="00:a0:45:11:22:33")
    / LLDPDUChassisID(subtype=4, id="00:a0:45:11:22:33")
    / LLDPDUPortID(subtype=7, id=b"port-008")
    / LLDPDUTimeToLive(ttl=20)
    / LLDPDUPortDescription(description=b"Port 8")
    / LLDPDUSystemName(system_name=b"switch-hall-2")
    / LLDPDUSystemDescription(description=b"FL SWITCH 2208, firmware 3.10")
    / LLDPDUSystemCapabilities(mac_bridge_available=1, mac_bridge_enabled=1)
    / LLDPDUManagementAddress(
        management_address_subtype=1, management_address=bytes([10, 20, 1, 2]), interface_numbering_subtype=2, interface_number=8
    )
    / LLDPDUEndOfLLDPDU()
)
drive = (
    Ether(dst=GROUP, src="00:1b:1b:0a:0b:0c")
    / LLDPDUChassisID(subtype=7, id=b"drive-7")
    / LLDPDUPortID(subtype=7, id=b"port-001")
    / LLDPDUTimeToLive(ttl=20)
    / LLDPDUEndOfLLDPDU()
)


def say():
    while True:
        sendp([switch, drive], iface=interface, verbose=False, inter=0.2)


threading.Thread(target=say, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
