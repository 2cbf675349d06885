"""An OPC UA server made of asyncua, steered by lines on standard input.

usage: asyncua_server.py PORT FOLDER OPTION...
  policies=none,basic256sha256,...  what it offers (default: all)     namespaces=a,b   registered in this order
  users                             takes only anna with swordfish    certificates     takes only trusted user certificates
  host=ADDRESS                      where it listens (default: 127.0.0.1)
  limit=N                           nodes in one request                  many=N           so many nodes more, n0, n1, ...
  structures                        has `motor`, a structure, and `motors`, two   methods   has methods: start(speed), reset()
  old                               has `old`, a structure of a type dictionary as before OPC UA 1.04
  history                           keeps the history of `counter`
  stay                              goes on after the last line

  set NAME VALUE     writes a value as the server's own program does       get NAME     prints it
  bad NAME CODE      gives a point a status                                count NAME N  counts a point up to N, all at once
  add NAME           adds a node that was not there                        clients       prints the number of connections
  histories          prints how often history was asked for                 turn SPEED    changes the speed of `motor`
  forget             forgets all sessions and their subscriptions
"""
import asyncio, datetime, json, logging, os, socket, sys
from pathlib import Path
from asyncua import Server, ua, uamethod
from asyncua.common.type_dictionary_builder import DataTypeDictionaryBuilder
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import SimpleRoleRuleset
from asyncua.crypto.permission_rules import UserRole
from asyncua.crypto.permission_rules import User
from cryptography.x509.oid import ExtendedKeyUsageOID

P = ua.SecurityPolicyType
POLICIES = {
    "none": [P.NoSecurity],
    "basic256sha256": [P.Basic256Sha256_SignAndEncrypt], "basic256sha256-sign": [P.Basic256Sha256_Sign],
    "aes128": [P.Aes128Sha256RsaOaep_SignAndEncrypt], "aes128-sign": [P.Aes128Sha256RsaOaep_Sign],
    "aes256": [P.Aes256Sha256RsaPss_SignAndEncrypt], "aes256-sign": [P.Aes256Sha256RsaPss_Sign],
}
PLC = "http://vendor.com/plc"
V = ua.VariantType
NODES = {  # name: type, value
    "bool": (V.Boolean, True), "sbyte": (V.SByte, -5), "byte": (V.Byte, 250), "int16": (V.Int16, -12345),
    "uint16": (V.UInt16, 54321), "int32": (V.Int32, -1234567890), "uint32": (V.UInt32, 3123456789),
    "int64": (V.Int64, -1234567890123456789), "uint64": (V.UInt64, 12345678901234567890), "float": (V.Float, 1.5),
    "double": (V.Double, -27.18281828459045), "string": (V.String, "Füller"),
    "time": (V.DateTime, datetime.datetime(2026, 11, 22, 9, 0, 0, 250000)), "bytes": (V.ByteString, b"\x01\x02\xff"),
    "text": (V.LocalizedText, ua.LocalizedText("Läuft", "de")),
    "counter": (V.UInt32, 0), "steady": (V.Double, 42.0),
}


histories = 0


async def structures(server, plant, index, nodes):
    mode = await new_enum(server, index, "Mode", ["Off", "On", "Jog"])
    drive, _ = await new_struct(server, index, "Drive", [
        new_struct_field("current", V.Float), new_struct_field("kind", V.String, optional=True), new_struct_field("mode", mode)])
    await new_struct(server, index, "Motor", [
        new_struct_field("speed", V.Double), new_struct_field("zones", V.Int16, array=True),
        new_struct_field("drive", drive), new_struct_field("none", V.Int16, array=True)])
    await server.load_data_type_definitions()
    def motor(speed):
        motor = ua.Motor()
        motor.speed, motor.zones, motor.none = speed, [7, -3], None
        motor.drive = ua.Drive(current=2.5, kind="VFD", mode=ua.Mode.On)
        return motor
    nodes["motor"] = await plant.add_variable(ua.NodeId("Press.motor", index), ua.QualifiedName("motor", index), motor(1480.5))
    nodes["motors"] = await plant.add_variable(ua.NodeId("Press.motors", index), ua.QualifiedName("motors", index), [motor(1.0), motor(2.0)])
    return motor


async def old_structures(server, plant, index, nodes):
    """As servers before OPC UA 1.04: no definitions, a dictionary in XML."""
    builder = DataTypeDictionaryBuilder(server, index, "urn:vendor:old", "OldTypes")
    await builder.init()
    drive = await builder.create_data_type("OldDrive")
    drive.add_field("current", ua.VariantType.Float)
    drive.add_field("kind", ua.VariantType.String)
    motor = await builder.create_data_type("OldMotor")
    motor.add_field("speed", ua.VariantType.Double)
    motor.add_field("zones", ua.VariantType.Int16, is_array=True)
    motor.add_field("drive", drive)
    motor.add_field("on", ua.VariantType.Boolean)
    await builder.set_dict_byte_string()
    await server.load_type_definitions()
    value = ua.OldMotor()
    value.speed, value.zones, value.on = 1480.5, [7, -3], True
    value.drive = ua.OldDrive()
    value.drive.current, value.drive.kind = 2.5, "VFD"
    nodes["old"] = await plant.add_variable(ua.NodeId("Press.old", index), ua.QualifiedName("old", index), value, datatype=motor.data_type)


async def methods(plant, index, nodes):
    @uamethod
    async def start(parent, speed):
        if speed > 500:
            return ua.StatusCode(ua.StatusCodes.BadOutOfRange)
        await nodes["steady"].write_value(ua.Variant(float(speed), V.Double))
    @uamethod
    async def reset(parent):
        await nodes["counter"].write_value(ua.Variant(0, V.UInt32))
    @uamethod
    async def both(parent, a, b):
        pass
    add = lambda name, func, inputs: plant.add_method(ua.NodeId(f"Press.{name}", index), ua.QualifiedName(name, index), func, inputs, [])
    await add("start", start, [V.Float])
    await add("reset", reset, [])
    await add("both", both, [V.Float, V.Float])


async def history(server, nodes):
    manager = server.iserver.history_manager
    read = manager.read_history
    async def counted(params):
        global histories
        histories += 1
        return await read(params)
    manager.read_history = counted
    return manager


class Users:
    def __init__(self, names, certificates):
        self.names, self.certificates = names, certificates

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if self.names and username == "anna" and password == "swordfish":
            return User(role=UserRole.Admin, name=username)
        if certificate is not None and self.certificates:
            return User(role=UserRole.Admin, name="certificate")
        if not self.names and not self.certificates:
            return User(role=UserRole.Admin)
        return None


async def certificate(folder):
    folder.mkdir(parents=True, exist_ok=True)
    key, cert = folder / "key.pem", folder / "cert.der"
    uri = "urn:asyncua:test"
    await setup_self_signed_certificate(key, cert, uri, "localhost", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
                                        {"countryName": "GB", "stateOrProvinceName": "x", "localityName": "Leeds", "organizationName": "Test"})
    return key, cert, uri


async def build(port, folder, options):
    flags = [o for o in options if "=" not in o]
    users = Users("users" in flags, "certificates" in flags)
    server = Server(user_manager=users)
    await server.init()
    words = dict(o.split("=", 1) for o in options if "=" in o)
    server.set_endpoint(f"opc.tcp://{words.get('host', '127.0.0.1')}:{port}/plc/")
    key, cert, uri = await certificate(folder)
    await server.set_application_uri(uri)
    await server.load_certificate(str(cert))
    await server.load_private_key(str(key))
    names = words.get("policies", ",".join(POLICIES)).split(",")
    server.set_security_policy([p for name in names for p in POLICIES[name]], permission_ruleset=SimpleRoleRuleset())
    tokens = [ua.UserNameIdentityToken] if users.names else [ua.X509IdentityToken] if users.certificates else [ua.AnonymousIdentityToken]
    server.set_identity_tokens(tokens)
    index = 0
    for name in words.get("namespaces", PLC).split(","):
        number = await server.register_namespace(name)
        index = number if name == PLC else index
    if "limit" in words:
        limits = server.get_node(ua.ObjectIds.Server_ServerCapabilities_OperationLimits)
        for child in await limits.get_children():
            await child.write_value(ua.Variant(int(words["limit"]), V.UInt32))
    plant = await server.nodes.objects.add_object(ua.NodeId("Press", index), ua.QualifiedName("Press", index))
    nodes = {}
    async def add(name, kind, value):
        node = await plant.add_variable(ua.NodeId(f"Press.{name}", index), ua.QualifiedName(name, index), value, kind)
        await node.set_writable()
        nodes[name] = node
    for name, (kind, value) in NODES.items():
        await add(name, kind, value)
    await add("zones", V.Double, [20.5, 21.5, 22.5])
    for number in range(int(words.get("many", "0"))):
        await add(f"n{number}", V.Double, float(number))
    nodes["turn"] = await structures(server, plant, index, nodes) if "structures" in flags else None
    if "old" in flags:
        await old_structures(server, plant, index, nodes)
    if "methods" in flags:
        await methods(plant, index, nodes)
    await history(server, nodes)
    return server, nodes, add


async def answer(line, server, nodes, add):
    verb, *rest = line.split(" ")
    if verb == "add":
        await add(rest[0], V.Double, 7.0)
        return "ok"
    if verb == "clients":
        return str(len(server.bserver.clients))
    if verb == "histories":
        return str(histories)
    if verb == "forget":
        for session in list(server.iserver._external_sessions.values()):
            await session.close_session(True)
        return "ok"
    if verb == "turn":
        await nodes["motor"].write_value(nodes["turn"](float(rest[0])))
        return "ok"
    node = nodes[rest[0]]
    old = await node.read_data_value(raise_on_bad_status=False)
    if verb == "get":
        value = old.Value.Value
        return json.dumps(value.hex() if isinstance(value, bytes) else str(value))
    kind = old.Value.VariantType
    if verb == "set":
        value = json.loads(" ".join(rest[1:]))
        await node.write_value(ua.Variant(value, kind))
        return "ok"
    if verb == "count":
        start = old.Value.Value
        for number in range(start + 1, start + int(rest[1]) + 1):
            await node.write_value(ua.Variant(number, kind))
            await asyncio.sleep(float(rest[2]) if len(rest) > 2 else 0)
        return str(start + int(rest[1]))
    if verb == "bad":
        value = ua.DataValue(old.Value, ua.StatusCode(int(rest[1], 0)), SourceTimestamp=datetime.datetime.now(datetime.timezone.utc))
        await node.write_value(value)
        return "ok"
    return "what?"


async def main():
    logging.disable(logging.CRITICAL)
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    server, nodes, add = await build(port, folder, sys.argv[3:])
    async with server:
        if "history" in sys.argv:
            await server.historize_node_data_change(nodes["counter"], period=None, count=0)
        print("ready", flush=True)
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := (await lines.readline()).decode().strip():
            try:
                reply = await answer(line, server, nodes, add)
            except Exception as error:
                reply = f"error {error!r}"
            print(reply, flush=True)
        if "stay" in sys.argv:
            await asyncio.Event().wait()
    os._exit(0)

asyncio.run(main())
