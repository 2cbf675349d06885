// An OPC UA server made of node-opcua whose variables n0, n1, ... all change at once, again and again.
// usage: node opcua_server.cjs PORT FOLDER MANY EVERY_MS     prints "ready"; ends with its standard input
"use strict";
const path = require("path");
console.log = console.error;
const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { DataType } = require("node-opcua-variant");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");

async function main() {
  const [port, folder, many, every] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4]), Number(process.argv[5])];
  const manager = new OPCUACertificateManager({ rootFolder: path.join(folder, "pki"), automaticallyAcceptUnknownCertificate: true });
  await manager.initialize();
  const server = new OPCUAServer({
    port, hostname: "127.0.0.1", resourcePath: "/bench", serverCertificateManager: manager, userCertificateManager: manager,
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt], allowAnonymous: true,
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const own = space.registerNamespace("urn:ironbridge:bench");
  const line = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Line", nodeId: "s=Line" });
  const variables = [];
  for (let number = 0; number < many; number += 1) {
    const variable = own.addVariable({
      componentOf: line, browseName: `n${number}`, nodeId: `s=n${number}`, dataType: DataType.Double, minimumSamplingInterval: 10,
    });
    variable.setValueFromSource({ dataType: DataType.Double, value: number });
    variables.push(variable);
  }
  await server.start();
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
  let round = 0;
  setInterval(() => {
    round += 1;
    for (const variable of variables) variable.setValueFromSource({ dataType: DataType.Double, value: round });
  }, every);
  process.stdout.write("ready\n");
}

main().catch((error) => { console.error(error); process.exit(1); });
