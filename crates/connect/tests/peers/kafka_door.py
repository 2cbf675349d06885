"""A door with SASL in front of a broker that asks for no sign-in. SCRAM is computed by scramp, nothing of it here.

Everything but ApiVersions, SaslHandshake and SaslAuthenticate closes the connection before somebody signed in, as a broker does
(KIP-43, KIP-152); afterwards bytes pass.
usage: kafka_door.py PORT BROKER_PORT MECHANISM USER PASSWORD
"""

import asyncio
import struct
import sys

import scramp

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
NOT_KNOWN, WRONG_VERSION, REFUSED = 33, 35, 58

port, broker_port, mechanism, user, password = sys.argv[1:]


async def frame(reader):
    return await reader.readexactly(struct.unpack(">I", await reader.readexactly(4))[0])


def framed(content):
    return struct.pack(">I", len(content)) + content


def text(data):
    return struct.pack(">h", len(data)) + data


class SignIn:
    """One conversation; `say` answers what the client says, or raises."""

    def __init__(self):
        self.done = False
        if mechanism != "PLAIN":
            kind = scramp.ScramMechanism(mechanism)
            known = {user: kind.make_auth_info(password, iteration_count=8192)}
            self.server = kind.make_server(known.__getitem__)

    def say(self, said):
        if mechanism == "PLAIN":
            if said.split("\0") != ["", user, password]:
                raise PermissionError("wrong password")
            self.done = True
            return ""
        if self.server.stage is None:
            self.server.set_client_first(said)
            return self.server.get_server_first()
        self.server.set_client_final(said)
        self.done = True
        return self.server.get_server_final()


async def greet(reader, writer, broker_reader, broker_writer):
    """Until somebody has signed in; false if they never do."""
    talk = SignIn()
    while not talk.done:
        request = await frame(reader)
        key, version = struct.unpack_from(">hh", request)
        client = max(struct.unpack_from(">h", request, 8)[0], 0)
        head, body = request[4:8], request[10 + client :]
        if key == API_VERSIONS and version > 0:
            # Asked in a version that is not known, a broker answers in the oldest (KIP-511).
            answer = struct.pack(">hihhh", WRONG_VERSION, 1, API_VERSIONS, 0, 0)
        elif key == API_VERSIONS:
            broker_writer.write(framed(request))
            code, count = struct.unpack_from(">hi", known := (await frame(broker_reader))[4:])
            more = struct.pack(">hhhhhh", HANDSHAKE, 0, 1, AUTHENTICATE, 0, 1)
            answer = struct.pack(">hi", code, count + 2) + known[6 : 6 + 6 * count] + more
        elif key == HANDSHAKE:
            asked = body[2:].decode()
            answer = struct.pack(">hi", 0 if asked == mechanism else NOT_KNOWN, 1) + text(mechanism.encode())
        elif key == AUTHENTICATE:
            session = struct.pack(">q", 0) if version == 1 else b""
            try:
                said = talk.say(body[4:].decode()).encode()
                answer = struct.pack(">hh", 0, -1) + struct.pack(">i", len(said)) + said + session
            except Exception as why:
                print(f"refused: {why!r}", file=sys.stderr, flush=True)
                answer = struct.pack(">h", REFUSED) + text(b"Authentication failed") + struct.pack(">i", 0) + session
        else:
            return False
        writer.write(framed(head + answer))
    return True


async def passing(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def serve(reader, writer):
    broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", int(broker_port))
    try:
        if await greet(reader, writer, broker_reader, broker_writer):
            await asyncio.wait([asyncio.create_task(passing(*ends)) for ends in ((reader, broker_writer), (broker_reader, writer))],
                               return_when=asyncio.FIRST_COMPLETED)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        broker_writer.close()
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(port))
    await server.serve_forever()


asyncio.run(main())
