// An OPC UA client made of node-opcua, steered by lines on standard input.
//
// usage: node node_opcua_client.cjs URL FOLDER USER PASSWORD
//   connect          encrypted, as the user            items N EVERY    watches n0 to n(N-1) below the place, one subscription
//   values           how many notifications came, of how many items; and how many items had a bad status
//   last N           the last value of item N          leave
//   hear NODE        tells events of the node           heard    what came: message, severity, source, time, state
//   average NODE FROM UNTIL MS    aggregates from history (milliseconds since 1970)
"use strict";
const path = require("path");
const readline = require("readline");
console.log = console.error;
const {
  OPCUAClient, MessageSecurityMode, SecurityPolicy, UserTokenType, AttributeIds, TimestampsToReturn, ClientSubscription,
  ClientMonitoredItemGroup, ClientMonitoredItem,
} = require("node-opcua-client");
const { AggregateFunction } = require("node-opcua-constants");
const { constructEventFilter } = require("node-opcua-service-filter");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");

const [url, folder, userName, password] = process.argv.slice(2);
let client, session, subscription;
const events = [];
const count = { all: 0, bad: 0, items: new Set(), last: new Map() };

const verbs = {
  async connect() {
    const clientCertificateManager = new OPCUACertificateManager({
      rootFolder: path.join(folder, "pki"), automaticallyAcceptUnknownCertificate: true,
    });
    client = OPCUAClient.create({
      endpointMustExist: false, securityMode: MessageSecurityMode.SignAndEncrypt, clientCertificateManager,
      securityPolicy: SecurityPolicy.Basic256Sha256, connectionStrategy: { maxRetry: 0 }, applicationUri: undefined,
    });
    await client.connect(url);
    session = await client.createSession({ type: UserTokenType.UserName, userName, password });
    return "ok";
  },
  async items(many, every, place) {
    subscription = ClientSubscription.create(session, {
      requestedPublishingInterval: Number(every), requestedMaxKeepAliveCount: 100, requestedLifetimeCount: 1000,
      maxNotificationsPerPublish: 1000, publishingEnabled: true, priority: 1,
    });
    for (let first = 0; first < Number(many); first += 1000) {
      const items = [];
      for (let number = first; number < Math.min(first + 1000, Number(many)); number += 1) {
        items.push({ nodeId: `ns=2;s=${place}/n${number}`, attributeId: AttributeIds.Value });
      }
      const group = ClientMonitoredItemGroup.create(
        subscription, items, { samplingInterval: Number(every), queueSize: 10, discardOldest: true }, TimestampsToReturn.Both,
      );
      group.on("changed", (item, value, index) => {
        count.all += 1;
        count.items.add(first + index);
        if (value.statusCode.isBad()) count.bad += 1;
        count.last.set(first + index, value.value.value);
      });
      await new Promise((done, failed) => { group.once("initialized", done); group.once("err", failed); });
    }
    return "ok";
  },
  async values() { return JSON.stringify([count.all, count.items.size, count.bad]); },
  async last(number) { return JSON.stringify(count.last.get(Number(number))); },
  async hear(nodeId) {
    const fields = ["Message", "Severity", "SourceName", "Time", "2:State", "EventId"];
    const heard = ClientSubscription.create(session, {
      requestedPublishingInterval: 100, requestedMaxKeepAliveCount: 100, requestedLifetimeCount: 1000,
      maxNotificationsPerPublish: 1000, publishingEnabled: true, priority: 1,
    });
    const item = ClientMonitoredItem.create(
      heard, { nodeId, attributeId: AttributeIds.EventNotifier },
      { samplingInterval: 0, queueSize: 1000, discardOldest: true, filter: constructEventFilter(fields) }, TimestampsToReturn.Both,
    );
    item.on("changed", ([message, severity, source, time, state, id]) => events.push([
      message.value.text, severity.value, source.value, time.value.getTime() / 1000, state.value, id.value.length,
    ]));
    await new Promise((done, failed) => { item.once("initialized", done); item.once("err", failed); });
    return "ok";
  },
  async heard() { return JSON.stringify(events); },
  async average(nodeId, from, until, every) {
    const answer = await session.readAggregateValue(
      { nodeId }, new Date(Number(from)), new Date(Number(until)), AggregateFunction.Average, Number(every),
    );
    return JSON.stringify(answer.historyData.dataValues.map((value) => value.value.value));
  },
  async leave() { await session.close(true); await client.disconnect(); return "ok"; },
};

process.stdout.write("ready\n");
let turn = Promise.resolve();
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [verb, ...rest] = line.trim().split(" ");
  turn = turn.then(() => verbs[verb](...rest)).catch((error) => `error ${error.message.split("\n")[0]}`)
    .then((reply) => process.stdout.write(`${reply}\n`));
}).on("close", () => process.exit(0));
