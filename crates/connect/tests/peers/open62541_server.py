"""An OPC UA server made of open62541 (by the package o6), steered by lines on standard input. It ends by itself after ten minutes.

usage: open62541_server.py PORT FOLDER

  set VALUE          writes the speed as the server's own program does       get          prints it
"""
import asyncio, os, sys
from pathlib import Path

# o6 greets on standard output when it is imported; there only answers belong.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID
from o6 import Server

URI = "urn:open62541:test"
port, folder = int(sys.argv[1]), Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
key, cert = folder / "key.pem", folder / "cert.der"
asyncio.run(setup_self_signed_certificate(
    key, cert, URI, "localhost", [ExtendedKeyUsageOID.SERVER_AUTH],
    {"countryName": "DE", "stateOrProvinceName": "x", "localityName": "x", "organizationName": "x"}))
server = Server(port, certificate=cert, privateKey=key, acceptAllCertificates=True, applicationUri=URI)
speed = server.addVariable("speed", server.objectsNode, 42.0, nodeId="ns=1;s=Press.speed")
server.start()
print("ready", file=answers, flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "set":
        speed(float(rest[0]))
    print(speed() if word == "get" else "ok", file=answers, flush=True)
