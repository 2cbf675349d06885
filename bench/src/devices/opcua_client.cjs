// Subscribes to n0, n1, ... with node-opcua; prints notifications and microseconds of processor time of some seconds.
// usage: node opcua_client.cjs URL MANY SECONDS POLICY FOLDER [PLACE USER PASSWORD]
//   POLICY: none, or signed and encrypted    PLACE: before the names, "-" for none
// With PLACE it prints "begin" when the seconds begin.
"use strict";
console.log = console.error;
const { OPCUAClient, ClientSubscription, ClientMonitoredItemGroup, UserTokenType } = require("node-opcua-client");
const path = require("path");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { AttributeIds } = require("node-opcua-data-model");
const { TimestampsToReturn } = require("node-opcua-service-read");

async function main() {
  const [url, many, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
  const [policy, folder, place, userName, password] = process.argv.slice(5);
  const clientCertificateManager = new OPCUACertificateManager({
    rootFolder: path.join(folder, "node"), automaticallyAcceptUnknownCertificate: true,
  });
  const secured = { securityPolicy: SecurityPolicy[policy], securityMode: MessageSecurityMode.SignAndEncrypt, clientCertificateManager };
  const client = OPCUAClient.create({ endpointMustExist: false, ...(policy === "none" ? {} : secured) });
  await client.connect(url);
  const session = await client.createSession(userName ? { type: UserTokenType.UserName, userName, password } : undefined);
  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: 100, requestedMaxKeepAliveCount: 50, requestedLifetimeCount: 500,
    maxNotificationsPerPublish: 10000, publishingEnabled: true, priority: 1,
  });
  let count = 0;
  for (let from = 0; from < many; from += 1000) {
    const items = [];
    for (let number = from; number < Math.min(from + 1000, many); number += 1) {
      items.push({ nodeId: `ns=2;s=${!place || place === "-" ? "" : place}n${number}`, attributeId: AttributeIds.Value });
    }
    const group = ClientMonitoredItemGroup.create(
      subscription, items, { samplingInterval: 100, queueSize: 10, discardOldest: true }, TimestampsToReturn.Both,
    );
    group.on("changed", () => { count += 1; });
    await new Promise((done) => group.on("initialized", done));
  }
  while (count < many) await new Promise((done) => setTimeout(done, 50));
  await new Promise((done) => setTimeout(done, 1000));
  if (place) process.stdout.write("begin\n");
  const [before, cpu] = [count, process.cpuUsage()];
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const used = process.cpuUsage(cpu);
  process.stdout.write(`${count - before} ${used.user + used.system}\n`);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
