"""An OPC UA client made of asyncua, steered by lines on standard input; each answer is one line of JSON.

usage: asyncua_client.py URL FOLDER
  connect USER PASSWORD POLICY     (CERTIFICATE.der KEY.pem POLICY for a user with a certificate)
      leave                          endpoints
  browse NODE                       read NODE ATTRIBUTE            path NAME...     (from Objects)
  write NODE TYPE VALUE             why NODE TYPE VALUE           (the same, with the server's words)
  watch MS QUEUE NODE...         seen             (values since the last time)
  history NODE FROM UNTIL MANY      aggregate NODE KIND FROM UNTIL MS    (times in seconds since 1970; - for none)
  at NODE SIMPLE TIME...            hear NODE TYPE QUEUE                 heard        (events since the last time)
  past NODE TYPE FROM UNTIL MANY    (events)                             many NODE COUNT      (reads it so often in one request)
  page NODE MANY                    (browses, so many references an answer)    register NODE...
  seats USER PASSWORD MANY (sessions in the clear until one is refused)        stand_up     (the first of them leaves)
"""
import asyncio, datetime, json, logging, sys
from pathlib import Path
from asyncua import Client, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256
from asyncua.crypto.security_policies import SecurityPolicyAes128Sha256RsaOaep
from asyncua.ua.ua_binary import struct_from_binary
from cryptography.x509.oid import ExtendedKeyUsageOID

POLICIES = {
    "Basic256Sha256": SecurityPolicyBasic256Sha256, "Aes128_Sha256_RsaOaep": SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": SecurityPolicyAes256Sha256RsaPss,
}
URI = "urn:asyncua:client"


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, ua.LocalizedText):
        return value.Text
    if isinstance(value, ua.QualifiedName):
        return f"{value.NamespaceIndex}:{value.Name}"
    if isinstance(value, ua.NodeId):
        return value.to_string()
    if isinstance(value, ua.Range):
        return [value.Low, value.High]
    if isinstance(value, ua.EUInformation):
        return value.DisplayName.Text
    if isinstance(value, ua.EnumValueType):
        return [value.Value, value.DisplayName.Text]
    return str(value)


def sample(data):
    at = data.SourceTimestamp.replace(tzinfo=datetime.timezone.utc).timestamp() if data.SourceTimestamp else None
    return [plain(data.Value.Value) if data.Value else None, data.StatusCode.value, at]


def moment(text):
    return None if text == "-" else datetime.datetime.fromtimestamp(float(text), datetime.timezone.utc)


def happened(event):
    return {name: plain(field.Value) for name, field in event.get_event_props_as_fields_dict().items()}


class Told:
    def __init__(self):
        self.values, self.events = [], []

    def event_notification(self, event):
        self.events.append(happened(event))

    def datachange_notification(self, node, value, data):
        self.values.append([node.nodeid.to_string()] + sample(data.monitored_item.Value))


class Peer:
    def __init__(self, url, folder):
        self.url, self.folder, self.client, self.told = url, folder, None, Told()
        self.seated = []

    async def certificate(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        key, cert = self.folder / "key.pem", self.folder / "cert.der"
        names = {"countryName": "GB", "stateOrProvinceName": "x", "localityName": "Leeds", "organizationName": "Test"}
        await setup_self_signed_certificate(key, cert, URI, "localhost", [ExtendedKeyUsageOID.CLIENT_AUTH], names)
        return key, cert

    async def connect(self, user, password, policy):
        client = Client(self.url, timeout=20)
        client.application_uri = URI
        if policy != "none":
            key, cert = await self.certificate()
            await client.set_security(POLICIES[policy], str(cert), str(key), mode=ua.MessageSecurityMode.SignAndEncrypt)
        if user.endswith(".der"):
            await client.load_client_certificate(user)
            await client.load_private_key(password)
        elif user != "-":
            client.set_user(user)
            client.set_password(password)
        await client.connect()
        self.client = client
        return "ok"

    async def seats(self, user, password, many):
        for _ in range(int(many)):
            client = Client(self.url, timeout=20)
            client.set_user(user)
            client.set_password(password)
            try:
                await client.connect()
            except Exception as error:
                return [len(self.seated), f"{type(error).__name__} {error}"]
            self.seated.append(client)
        return [len(self.seated), ""]

    async def stand_up(self):
        await self.seated.pop(0).disconnect()
        return "ok"

    async def leave(self):
        await self.client.disconnect()
        return "ok"

    async def endpoints(self):
        found = await Client(self.url).connect_and_get_server_endpoints()
        return sorted([e.SecurityPolicyUri.split("#")[1], e.SecurityMode.name,
                       sorted(t.TokenType.name for t in e.UserIdentityTokens)] for e in found)

    async def browse(self, node):
        found = await self.client.get_node(node).get_references()
        return [[r.BrowseName.Name, r.NodeClass.name, r.NodeId.to_string(), r.IsForward, r.ReferenceTypeId.Identifier,
                 r.TypeDefinition.to_string()] for r in found]

    async def read(self, node, attribute):
        answer = await self.client.get_node(node).read_attribute(ua.AttributeIds[attribute], raise_on_bad_status=False)
        return sample(answer)

    async def path(self, *names):
        node = await self.client.nodes.objects.get_child([f"2:{name}" for name in names])
        return node.nodeid.to_string()

    async def write(self, node, kind, value):
        variant = ua.Variant(json.loads(value), ua.VariantType[kind])
        await self.client.get_node(node).write_value(ua.DataValue(variant))
        return "ok"

    async def why(self, node, kind, value):
        item = ua.WriteValue(ua.NodeId.from_string(node), ua.AttributeIds.Value, "", ua.DataValue(ua.Variant(json.loads(value), ua.VariantType[kind])))
        request = ua.WriteRequest()
        request.Parameters.NodesToWrite = [item]
        request.RequestHeader.ReturnDiagnostics = 0x80
        answer = struct_from_binary(ua.WriteResponse, await self.client.uaclient.session._send_request(request))
        return [answer.Results[0].name, answer.DiagnosticInfos[0].AdditionalInfo]

    async def watch(self, every, queue, *nodes):
        subscription = await self.client.create_subscription(float(every), self.told)
        items = await subscription.subscribe_data_change([self.client.get_node(n) for n in nodes], queuesize=int(queue),
                                                         sampling_interval=float(every))
        return [item if isinstance(item, int) else str(item) for item in (items if isinstance(items, list) else [items])]

    async def seen(self):
        values, self.told.values[:] = list(self.told.values), []
        return values

    async def history(self, node, start, end, many):
        start, end = moment(start), moment(end)
        values = await self.client.get_node(node).read_raw_history(start, end, int(many))
        return [sample(value) for value in values]

    async def aggregate(self, node, kind, start, end, every):
        details = ua.ReadProcessedDetails()
        details.StartTime, details.EndTime, details.ProcessingInterval = moment(start), moment(end), float(every)
        details.AggregateType = [ua.NodeId(getattr(ua.ObjectIds, f"AggregateFunction_{kind}"))]
        details.AggregateConfiguration = ua.AggregateConfiguration()
        return await self.ask(node, details)

    async def ask(self, node, details):
        value = ua.HistoryReadValueId()
        value.NodeId = ua.NodeId.from_string(node)
        params = ua.HistoryReadParameters()
        params.HistoryReadDetails, params.NodesToRead = details, [value]
        params.TimestampsToReturn, params.ReleaseContinuationPoints = ua.TimestampsToReturn.Both, False
        result = (await self.client.uaclient.history_read(params))[0]
        result.StatusCode.check()
        data = result.HistoryData
        if isinstance(data, ua.ExtensionObject):
            return {"error": f"{result.StatusCode} {data}"}
        return [sample(one) for one in data.DataValues]

    async def at(self, node, simple, *times):
        details = ua.ReadAtTimeDetails()
        details.ReqTimes, details.UseSimpleBounds = [moment(one) for one in times], simple == "true"
        return await self.ask(node, details)

    async def hear(self, node, kind, queue):
        subscription = await self.client.create_subscription(100, self.told)
        kind = self.client.get_node(kind)
        await subscription.subscribe_events(self.client.get_node(node), kind, queuesize=int(queue), where_clause_generation=False)
        return "ok"

    async def heard(self):
        events, self.told.events[:] = list(self.told.events), []
        return events

    async def past(self, node, kind, start, end, many):
        kind = self.client.get_node(kind)
        found = await self.client.get_node(node).read_event_history(moment(start), moment(end), int(many), kind)
        return [happened(event) for event in found]

    async def many(self, node, count):
        return len(await self.client.read_values([self.client.get_node(node)] * int(count)))

    async def page(self, node, many):
        description = ua.BrowseDescription(NodeId=ua.NodeId.from_string(node), BrowseDirection=ua.BrowseDirection.Forward,
                                           ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                                           IncludeSubtypes=True, NodeClassMask=0, ResultMask=63)
        params = ua.BrowseParameters()
        params.View.Timestamp = ua.get_win_epoch()
        params.RequestedMaxReferencesPerNode, params.NodesToBrowse = int(many), [description]
        result = (await self.client.uaclient.browse(params))[0]
        pages = [len(result.References)]
        while result.ContinuationPoint:
            following = ua.BrowseNextParameters()
            following.ReleaseContinuationPoints, following.ContinuationPoints = False, [result.ContinuationPoint]
            result = (await self.client.uaclient.browse_next(following))[0]
            pages.append(len(result.References))
        return pages

    async def register(self, *nodes):
        found = await self.client.register_nodes([self.client.get_node(node) for node in nodes])
        values = [await node.read_value() for node in found]
        await self.client.unregister_nodes(found)
        return [plain(value) for value in values]


async def main():
    logging.disable(logging.CRITICAL)
    peer = Peer(sys.argv[1], Path(sys.argv[2]))
    print("ready", flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().strip():
        verb, *rest = line.split(" ")
        try:
            reply = await getattr(peer, verb)(*rest)
        except Exception as error:
            reply = {"error": f"{type(error).__name__} {error}"}
        print(json.dumps(reply), flush=True)

asyncio.run(main())
