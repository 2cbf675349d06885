// An OPC UA server made of node-opcua, steered by lines on standard input.
//
// usage: node node_opcua_server.cjs PORT FOLDER MANY   (so many nodes more, n0, n1, ...)
// It keeps sessions and subscriptions over a cut, as most PLCs do.
//
//   set NAME VALUE   writes a value          get NAME   prints it
//   sessions         number of sessions      subscriptions   number of subscriptions
//   tick MS          counts `counter` up every MS milliseconds, each number once; 0 ends it
//   expire           forgets all sessions, but not their subscriptions; prints how many
//   queued           the numbers of `counter` that came into a queue for a client: a server that looks every so often
//                    may miss one itself when the machine is busy, and what it never saw it cannot tell
"use strict";
const path = require("path");
const readline = require("readline");
console.log = console.error;
const { OPCUAServer, MonitoredItem } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { DataType } = require("node-opcua-variant");
const { Range } = require("node-opcua-types");
const { StatusCodes } = require("node-opcua-status-code");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");

const NAMESPACE = "http://vendor.com/plc";
const queued = new Set();

// What it takes into a queue, seen where it does so.
const enqueue = MonitoredItem.prototype._enqueue_value;
if (typeof enqueue !== "function") throw new Error("this node-opcua queues values elsewhere");
MonitoredItem.prototype._enqueue_value = function (value) {
  if (this.node?.browseName.name === "counter") queued.add(value.value.value);
  return enqueue.call(this, value);
};

async function main() {
  const [port, folder] = [Number(process.argv[2]), process.argv[3]];
  const manager = new OPCUACertificateManager({
    rootFolder: path.join(folder, "pki"), automaticallyAcceptUnknownCertificate: true,
  });
  await manager.initialize();
  const server = new OPCUAServer({
    port, hostname: "127.0.0.1", resourcePath: "/plc",
    serverCertificateManager: manager, userCertificateManager: manager,
    securityPolicies: [
      SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep,
      SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    allowAnonymous: true,
    userManager: { isValidUser: (name, password) => name === "anna" && password === "swordfish" },
    serverCapabilities: { maxSessions: 20 },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const own = space.registerNamespace(NAMESPACE);
  const press = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Press", nodeId: "s=Press" });
  const nodes = {};
  const add = (name, dataType, value) => {
    nodes[name] = own.addVariable({
      componentOf: press, browseName: name, nodeId: `s=Press.${name}`, dataType, accessLevel: "CurrentRead | CurrentWrite",
      userAccessLevel: "CurrentRead | CurrentWrite", minimumSamplingInterval: 10,
    });
    nodes[name].setValueFromSource({ dataType, value });
  };
  add("counter", DataType.UInt32, 0);
  add("steady", DataType.Double, 42);
  add("double", DataType.Double, 1.5);
  add("string", DataType.String, "Füller");
  add("int16", DataType.Int16, -7);
  for (let number = 0; number < Number(process.argv[4] || 0); number += 1) add(`n${number}`, DataType.Double, number);
  own.addAnalogDataItem({
    componentOf: press, browseName: "force", nodeId: "s=Press.force", dataType: "Double", description: "Ram force",
    engineeringUnitsRange: { low: 0, high: 400 }, engineeringUnits: {
      namespaceUri: "http://www.opcfoundation.org/UA/units/un/cefact", unitId: 4931394, displayName: { text: "kN" },
      description: { text: "kilonewton" },
    }, value: { dataType: DataType.Double, value: 120.5 },
  });
  // One of the standard's own structures.
  nodes.limits = own.addVariable({
    componentOf: press, browseName: "limits", nodeId: "s=Press.limits", dataType: "Range",
    value: { dataType: DataType.ExtensionObject, value: new Range({ low: -5, high: 80.5 }) },
  });
  const start = own.addMethod(press, {
    browseName: "start", nodeId: "s=Press.start", outputArguments: [],
    inputArguments: [{ name: "speed", dataType: DataType.Double, description: { text: "" } }],
  });
  start.bindMethod((inputs, context, done) => {
    nodes.steady.setValueFromSource({ dataType: DataType.Double, value: inputs[0].value });
    done(null, { statusCode: StatusCodes.Good, outputArguments: [] });
  });
  await server.start();
  let ticking = null;
  process.stdout.write("ready\n");
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const [verb, name, ...rest] = line.trim().split(" ");
    let reply = "ok";
    try {
      if (verb === "set") {
        const value = JSON.parse(rest.join(" "));
        nodes[name].setValueFromSource({ dataType: nodes[name].readValue().value.dataType, value });
      } else if (verb === "get") reply = JSON.stringify(nodes[name].readValue().value.value);
      else if (verb === "sessions") reply = String(server.engine.currentSessionCount);
      else if (verb === "queued") reply = JSON.stringify([...queued]);
      else if (verb === "subscriptions") reply = String(server.engine.currentSubscriptionCount);
      else if (verb === "expire") {
        // As when nobody was heard for too long: the subscriptions stay for whoever takes them over.
        const sessions = Object.values(server.engine._sessions);
        for (const session of sessions) server.engine.closeSession(session.authenticationToken, false, "Timeout");
        reply = String(sessions.length);
      } else if (verb === "tick") {
        // counts up every so many ms, each number once
        clearInterval(ticking);
        const every = Number(name);
        let number = nodes.counter.readValue().value.value;
        if (every > 0) ticking = setInterval(() => {
          number += 1;
          nodes.counter.setValueFromSource({ dataType: DataType.UInt32, value: number });
        }, every);
      } else reply = "what?";
    } catch (error) { reply = `error ${error.message}`; }
    process.stdout.write(reply + "\n");
  }).on("close", () => process.exit(0));
}

main().catch((error) => { process.stdout.write(`failed ${error.stack}\n`); process.exit(1); });
