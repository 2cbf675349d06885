"""Subscribes to n0, n1, ... with asyncua; prints notifications and microseconds of processor time of some seconds.

Usage: opcua_client.py URL MANY SECONDS POLICY FOLDER    (POLICY: none, or Basic256Sha256, signed and encrypted)
"""
import asyncio
import sys
import time

from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.x509.oid import ExtendedKeyUsageOID


class Count:
    def __init__(self):
        self.count = 0

    def datachange_notification(self, node, value, data):
        self.count += 1


async def secure(client, folder):
    folder.mkdir(parents=True, exist_ok=True)
    key, cert, uri = folder / "key.pem", folder / "cert.der", "urn:asyncua:bench"
    names = {"countryName": "GB", "stateOrProvinceName": "x", "localityName": "Leeds", "organizationName": "Bench"}
    await setup_self_signed_certificate(key, cert, uri, "localhost", [ExtendedKeyUsageOID.CLIENT_AUTH], names)
    client.application_uri = uri
    mode = ua.MessageSecurityMode.SignAndEncrypt
    await client.set_security(SecurityPolicyBasic256Sha256, str(cert), str(key), mode=mode)


async def main():
    many, seconds = int(sys.argv[2]), float(sys.argv[3])
    count = Count()
    client = Client(sys.argv[1])
    if sys.argv[4] != "none":
        await secure(client, Path(sys.argv[5]))
    async with client:
        subscription = await client.create_subscription(100, count)
        for start in range(0, many, 1000):
            nodes = [client.get_node(f"ns=2;s=n{number}") for number in range(start, min(start + 1000, many))]
            await subscription.subscribe_data_change(nodes, queuesize=10, sampling_interval=100)
        while count.count < many:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        before, cpu = count.count, time.process_time()
        await asyncio.sleep(seconds)
        print(count.count - before, int((time.process_time() - cpu) * 1e6), flush=True)


asyncio.run(main())
