// Made-up discovery: one look that takes some seconds, and drafts.
const protocols = [
  { name: "modbus", title: "Modbus TCP", port: 502, transport: "tcp", asks: "Read Device Identification (43/14) of units 1 and 255; where that is refused, one register." },
  { name: "s7", title: "Siemens S7", port: 102, transport: "tcp", asks: "Connects to rack 0 slot 1 and 2 and reads the identification (SZL 0x0011)." },
  { name: "enip", title: "EtherNet/IP", port: 44818, transport: "tcp", asks: "ListIdentity." },
  { name: "opcua", title: "OPC UA", port: 4840, transport: "tcp", asks: "FindServers and GetEndpoints." },
];
const profiles = [{ name: "schneider-pm5000", title: "Schneider PowerLogic PM5000", vendor: "Schneider Electric", models: "PM5110, PM5310", points: 42, source: "PM5000 register list v11" }];
const found = [
  { index: 0, protocol: "modbus", title: "Modbus TCP", address: "10.20.1.11", port: 502, hardware: "00:80:f4:12:34:56", where: "unit 1", vendor: "Schneider Electric", model: "PM5310", firmware: "4.3.0", serial: "", name: "", details: [{ name: "Product code", value: "METSEPM5310" }], security: "Plain Modbus: anybody on this network can read and write the device.", profile: "schneider-pm5000", can_draft: true },
  { index: 1, protocol: "s7", title: "Siemens S7", address: "10.20.1.20", port: 102, hardware: null, where: "rack 0 slot 1", vendor: "Siemens", model: "CPU 1516-3 PN/DP", firmware: "V2.9.4", serial: "S C-X4U421302009", name: "PLC_Filler", details: [], security: "S7 with PUT/GET: no sign-in, no encryption.", profile: null, can_draft: true },
];
const plan = (ask) => ({ addresses: 254, at_once: ask.at_once ?? 16, packets_least: 508, packets_most: 3810, packets_per_address_most: 15, seconds_least: 12, seconds_most: 96, sentence: "Asks 254 addresses with 4 protocols: between 508 and 3,810 packets, at most 15 to one address, in 12 s to 2 min.", protocols: protocols.map((p) => ({ ...p, ports: [p.port], addresses: 254, packets_least: 127, packets_most: 952 })), skipped: [{ address: "10.20.1.30", why: "connection `line-1` talks to it already", connection: "line-1" }] });
const scans = [];
const shown = (s) => {
  const part = s.state === "stopped" ? s.part : Math.min(1, (Date.now() - s.started) / 8000);
  s.part = part;
  if (part === 1 && s.state === "running") [s.state, s.ended] = ["done", Date.now()];
  return { ...s, addresses_done: Math.floor(254 * part), addresses_total: 254, packets_sent: Math.floor(1420 * part), found: found.slice(0, part > 0.7 ? 2 : part > 0.3 ? 1 : 0), remarks: part === 1 ? [{ address: "10.20.1.40", protocol: "modbus", text: "answers with exception 11: a gateway without a device behind unit 1" }] : [], faults: 1, backed_off: 1 };
};
const draft = { file: "connections/pm5310.toml", text: '# Drafted from what 10.20.1.11 says of itself. Look at every line before you apply it.\nkind = "modbus-tcp"\nhost = "10.20.1.11"\nscan = { normal = "1s" }\n\n[device.meter]\nunit = 1\nprofile = "schneider-pm5000"\nat = "utilities/energy/pm5310"\n', tags: 42, notes: [{ line: 9, text: "`at` is a guess: write where the meter stands." }], mistakes: "" };
export function discover(route, body) {
  if (route === "GET /api/discover/protocols") return { protocols, profiles };
  if (route === "POST /api/discover/plan") return plan(body);
  if (route === "GET /api/discover") return { scans: scans.map(shown) };
  if (route === "POST /api/discover") {
    scans.unshift({ id: String(scans.length + 1), who: "user:engineer", started: Date.now(), ended: null, state: "running", plan: plan(body.ask) });
    return shown(scans[0]);
  }
  if (route === "GET /api/import/formats") return { formats: [{ name: "kepware-csv", title: "Kepware CSV", files: "*.csv", text: "As exported from the tag list of a device.", kinds: ["modbus-tcp"] }, { name: "tia-xlsx", title: "TIA Portal tag table (Excel)", files: "*.xlsx", text: "Exported from PLC tags.", kinds: ["s7"] }] };
  if (route === "POST /api/import") return draft;
  const one = /^(GET|POST) \/api\/discover\/(\d+)(\/stop|\/draft)?$/.exec(route);
  const scan = one && scans.find((s) => s.id === one[2]);
  if (!scan) return null;
  if (one[3] === "/draft") return draft;
  if (one[3] === "/stop") scan.state = "stopped";
  return shown(scan);
}
