// Made-up network: MOCK_ASSETS=500 makes it large, MOCK_EMPTY=1 leaves the monitor off.
const start = Date.now();
const off = Boolean(process.env.MOCK_EMPTY);
const many = Number(process.env.MOCK_ASSETS ?? 24);
const protocols = [["modbus", "Modbus", "ot"], ["s7", "S7comm", "ot"], ["opcua", "OPC UA", "ot"], ["enip", "EtherNet/IP", "ot"], ["profinet", "PROFINET", "ot"], ["http", "HTTP", "it"], ["tls", "TLS", "it"], ["ssh", "SSH", "it"], ["smb", "SMB", "it"], ["dns", "DNS", "network"], ["arp", "ARP", "network"]].map(([key, name, realm]) => ({ key, name, realm }));
const ROLES = { controller: "controller or field device", supervisor: "HMI, SCADA or gateway", engineering: "engineering station", server: "server", network: "network device", host: "host", silent: "never answered" };

const zoneOf = (i) => ["line-1", "line-2", "line-3", "utilities"][i % 4];
const base = (id, a) => ({ id, name: "", given_name: "", addresses: [id], macs: ["00:1b:1b:12:34:56"], card: "Siemens AG", vlan: null, role: "controller", vendor: null, model: null, firmware: null, serial: null, level: 1, level_given: false, zone: "", zone_given: false, approved: true, note: "", connection: null, own: false, serves: [], asks: [], sent: 51_200, received: 50_811, first: start - 6e8, last: start - 1200, live: true, findings: 0, worst: null, ...a });
const assets = [
  base("10.20.1.11", { name: "Filler PLC", given_name: "Filler PLC", vendor: "Schneider Electric", model: "M340 BMX P34 2020", firmware: "v3.20", zone: "line-1", zone_given: true, connection: "line-1", serves: ["modbus"], note: "Spare in shelf 3.\nProgram: filler_2026-03.", findings: 1, worst: 900, addresses: ["10.20.1.11", "fe80::280:f4ff:fe12:3456"], vlan: 12 }),
  base("10.20.1.12", { name: "PLC_Capper", vendor: "Siemens", model: "CPU 1516-3 PN/DP", firmware: "V2.9.4", serial: "S C-X4U421302009", zone: "line-1", serves: ["s7"], findings: 1, worst: 650 }),
  base("10.20.0.5", { name: "Ironbridge", role: "supervisor", own: true, level: 3, zone: "site", asks: ["modbus", "s7", "opcua"], card: "Intel Corporate" }),
  base("10.20.1.50", { name: "HMI-Filler", role: "supervisor", level: 2, zone: "line-1", asks: ["modbus", "s7"], card: "Beckhoff Automation GmbH" }),
  base("10.20.3.77", { role: "engineering", level: 2, approved: false, asks: ["s7", "modbus"], serves: [], card: "Dell Inc.", first: start - 720_000, findings: 2, worst: 900 }),
  base("10.20.0.2", { name: "hist-01.plant.example", role: "server", level: 3, zone: "site", serves: ["http", "tls"], card: "VMware, Inc." }),
  base("10.1.7.20", { role: "host", level: 4, approved: false, asks: ["smb", "http"], card: "LENOVO" }),
  base("00:0e:8c:aa:bb:cc", { name: "et200sp-feeder", addresses: [], macs: ["00:0e:8c:aa:bb:cc"], level: 0, zone: "utilities", serves: ["profinet"] }),
  base("10.20.2.9", { name: "مضخة <b>3</b> \u202Egnp.exe", vendor: "ABB", model: "ACS880", level: 0, zone: "utilities", serves: ["modbus"], approved: false, live: false, last: start - 9e7 }),
];
for (let i = assets.length; i < many; i += 1) {
  const level = [1, 1, 0, 0, 1, 2, 1, 3][i % 8];
  assets.push(base(`10.20.${10 + (i >> 7)}.${1 + (i % 128)}`, { name: i % 3 ? `${["PLC", "Drive", "Meter", "HMI"][i % 4]}-${i}` : "", role: level === 2 ? "supervisor" : level === 3 ? "server" : "controller", level, zone: zoneOf(i), approved: i % 11 !== 0, serves: level < 2 ? [["modbus", "s7", "enip", "profinet"][i % 4]] : [], asks: level > 1 ? ["modbus", "s7"] : [], vendor: ["Siemens", "ABB", "Rockwell", "WAGO"][i % 4], model: `T-${i}` }));
}
for (const a of assets) a.role_words = ROLES[a.role];

const fn = (number, name, effect, requests, refused = 0) => ({ function: number, name, effect, requests, answers: requests - refused, refused });
const link = (client, server, protocol, l) => ({ client, server, protocol, realm: "ot", port: { modbus: 502, s7: 102, enip: 44818, http: 80, smb: 445 }[protocol] ?? 0, seen: "both", connections: 2, packets_to_server: 24_000, bytes_to_server: 1_600_000, packets_to_client: 23_990, bytes_to_client: 3_100_000, changes: 0, malformed: 0, first: start - 6e8, last: start - 900, own: client === "10.20.0.5", functions: [fn(3, "read holding registers", "read", 12_000)], ...l });
const links = [
  link("10.20.0.5", "10.20.1.11", "modbus", {}),
  link("10.20.0.5", "10.20.1.12", "s7", { functions: [fn(4, "read variables", "read", 8123)] }),
  link("10.20.1.50", "10.20.1.11", "modbus", { changes: 310, functions: [fn(3, "read holding registers", "read", 9120), fn(16, "write registers", "write", 310, 2)] }),
  link("10.20.3.77", "10.20.1.11", "modbus", { changes: 3, first: start - 700_000, functions: [fn(6, "write register", "write", 3)], malformed: 1 }),
  link("10.20.3.77", "10.20.1.12", "s7", { changes: 2, first: start - 690_000, functions: [fn(29, "stop", "stop", 1), fn(30, "download block", "download", 14)] }),
  link("10.1.7.20", "10.20.0.2", "http", { realm: "it", seen: "one-way", functions: [] }),
  link("10.20.1.50", "10.20.1.12", "s7", { seen: "encrypted", functions: [] }),
];
for (let i = 9; i < assets.length; i += 1) {
  const a = assets[i];
  if (a.serves.length) {
    links.push(link("10.20.0.5", a.id, a.serves[0], {}));
    const hmi = assets.find((h, n) => n > i && h.zone === a.zone && h.level === 2) ?? assets[3];
    links.push(link(hmi.id, a.id, a.serves[0], { changes: i % 5 }));
    if (i % 6 === 0 && assets[i + 7]) links.push(link(a.id, assets[i + 7].id, a.serves[0], {}));
  }
}
const finding = (id, f) => ({ id, rule: id.slice(0, 10), severity: 900, level: "critical", techniques: [{ id: "T0855", name: "Unauthorized Command Message", was: null }], source: "10.20.3.77", target: "10.20.1.11", source_name: "", target_name: "Filler PLC", state: "open", count: 3, first: start - 700_000, last: start - 640_000, details: ["holding 200 (target speed) := 590"], protocol: "modbus", path: null, window: null, acknowledged: null, muted: null, closed: null, evidence: [{ interface: "eth1", packet: 120_331 }, { interface: "eth1", packet: 120_340 }], packets: 34, packet_bytes: 4100, meaning: "Somebody who never wrote to this controller before changed what it works with. The process may do something else than the operators see.", next: "Ask who works at 10.20.3.77. If nobody does, take it off the network and compare the set-points with the recipe.", history: [{ at: start - 700_000, by: "monitor", what: "opened", note: "" }], ...f });
const findings = [
  finding("IB-MB-004-5f3a9c01", { title: "A new client writes to a controller" }),
  finding("IB-S7-001-0b11aa02", { title: "A controller was stopped", severity: 950, target: "10.20.1.12", target_name: "PLC_Capper", protocol: "s7", count: 1, techniques: [{ id: "T0858", name: "Change Operating Mode", was: "T0875" }], details: ["stop"], state: "acknowledged", acknowledged: { by: "anna", at: start - 300_000, note: "electrician on site" } }),
  finding("IB-S7-009-77aa0011", { title: "Identity of a controller was asked", severity: 250, state: "open", target: "10.20.1.12", target_name: "PLC_Capper", count: 14, evidence: [], packets: 0, packet_bytes: 0, techniques: [], path: "acme/ironbridge-works/packaging/line-1/filler/speed" }),
  finding("IB-NET-003-aa01bb02", { title: "Address sweep", severity: 450, source: "10.1.7.20", target: "", target_name: "", count: 240, state: "muted", muted: { by: "user:jens", at: start - 8e7, until: start + 2e9, note: "inventory scanner of IT, every Sunday" } }),
];
let modes = [{ zone: "", mode: "learning", since: start - 3e8, by: "user:jens", quiet_s: 10_900 }, { zone: "line-1", mode: "guarding", since: start - 8e7, by: "user:jens", quiet_s: null }];
let differences = [{ id: "d1", kind: "writer", title: "10.20.3.77 writes holding 200 of Filler PLC; HMI-Filler is the one who does", source: "10.20.3.77", target: "10.20.1.11", zone: "line-1", first: start - 700_000, last: start - 640_000, count: 3, finding: findings[0].id }, { id: "d2", kind: "asset", title: "10.20.3.77 was never here", source: "10.20.3.77", target: "", zone: "", first: start - 720_000, last: start - 1000, count: 1, finding: null }];
const windows = [{ id: "W-1", who: "Kuhn Automation", assets: ["10.20.1.12"], from: start - 3_600_000, until: start + 3_600_000, ticket: "CHG-4711", note: "new recipe", by: "user:jens", created: start - 4e6, state: "open", findings: 2 }];
const not_seen = ["1 conversation was seen in one direction only: the other side's answers are not known", "1 conversation is encrypted: who talks is known, not what is said"];

const rev = { assets: 1, links: 1, findings: 1, windows: 1, baseline: 1 };
const state = () => {
  if (off) return { on: false, why: "No interface to listen on is configured.", next: "Write the section [monitor] into ironbridge.toml.", sentence: "", since: null, now: Date.now(), revision: rev, open: {}, interfaces: [], coverage: {}, not_seen: [], connections: [], zones: [], evidence: null };
  const zones = [...new Set(assets.map((a) => a.zone))].map((zone) => ({ zone, assets: assets.filter((a) => a.zone === zone).length, approved: assets.filter((a) => a.zone === zone && a.approved).length, seen: 14, encrypted: zone === "line-1" ? 1 : 0, one_way: zone === "" ? 1 : 0, open_findings: zone === "line-1" ? 2 : 0, mode: zone === "line-1" ? "guarding" : "learning" }));
  return {
    on: true, why: null, next: null, sentence: "eth1 sees 1,240 packets/s, none lost; 2 of 3 connections are seen", since: start - 3e8, now: Date.now(), revision: rev, open: { critical: 1, high: 0, medium: 0, low: 1, info: 0 },
    interfaces: [
      { name: "eth1", state: "up", why: null, next: null, packets: 88_123_456, bytes: 9e9, packets_per_second: 1240.5, bits_per_second: 8.1e6, messages_per_second: 310, dropped: 0, not_decoded: 0, sampling: null, last_packet: Date.now() - 4 },
      { name: "eth2", state: "down", why: "The interface eth2 is down: no cable, or switched off.", next: "Check the cable at the mirror port, or `ip link set eth2 up`.", packets: 0, bytes: 0, packets_per_second: 0, bits_per_second: 0, messages_per_second: 0, dropped: 120, not_decoded: 0, sampling: null, last_packet: null },
    ],
    coverage: { packets: 88_123_456, messages: 21_000_000, flows: 210, one_way_flows: 1, encrypted_flows: 1, repeated: 421, first: start - 3e8, last: Date.now() }, not_seen,
    connections: [{ name: "line-1", endpoint: "10.20.1.11:502", kind: "modbus-tcp", seen: "seen", asset: "10.20.1.11", packets: 12_000, last: Date.now() - 200 }, { name: "meters", endpoint: "10.20.1.40:4001", kind: "modbus-rtu-tcp", seen: "never", asset: null, packets: 0, last: null }, { name: "hall-gateway", endpoint: "10.20.2.5:802", kind: "modbus-tcp-tls", seen: "encrypted", asset: null, packets: 9100, last: Date.now() - 9000 }],
    explained: { commands_matched: 12, commands_unmatched: 0, answers_same: 41_200, answers_changed: 0, answers_single: 3, no_room: 0 },
    zones, evidence: { bytes: 12_340_000, limit_bytes: 268_435_456, removed: 0 },
  };
};
const map = () => {
  const edges = new Map();
  for (const l of links) {
    const key = `${l.client}>${l.server}`;
    const bad = findings.filter((f) => f.state === "open" && f.source === l.client && f.target === l.server);
    const e = edges.get(key) ?? { client: l.client, server: l.server, protocols: [], packets: 0, bytes: 0, changes: 0, encrypted: l.seen === "encrypted", one_way: l.seen === "one-way", findings: bad.length, worst: bad.length ? Math.max(...bad.map((f) => f.severity)) : null, last: l.last };
    e.protocols.push(l.protocol);
    e.packets += l.packets_to_server;
    e.bytes += l.bytes_to_server;
    e.changes += l.changes;
    edges.set(key, e);
  }
  return { nodes: assets.map((a) => ({ id: a.id, label: a.name, role: a.role, level: a.level, zone: a.zone, approved: a.approved, own: a.own, connection: a.connection, live: a.live, serves: a.serves, asks: a.asks, findings: a.findings, worst: a.worst })), edges: [...edges.values()], zones: [], levels: [], more: false };
};

export function monitor(route, q, body) {
  if (!route.includes(" /api/monitor")) return null;
  if (route === "GET /api/monitor") return state();
  if (route === "GET /api/monitor/protocols") return { protocols };
  if (route === "GET /api/monitor/assets") return { assets: off ? [] : assets, more: false };
  if (route === "GET /api/monitor/map") return off ? { nodes: [], edges: [], more: false } : map();
  if (route === "GET /api/monitor/links") return { links, more: false };
  if (route === "GET /api/monitor/modes") return { modes: off ? [] : modes };
  if (route === "PUT /api/monitor/modes") return (modes = [...modes.filter((m) => m.zone !== body.zone), { ...body, since: Date.now(), by: "user:you", quiet_s: 0 }]), (rev.baseline += 1), { modes };
  if (route === "GET /api/monitor/differences") return { differences: off ? [] : differences, more: false };
  if (route === "POST /api/monitor/differences/approve") return (differences = differences.filter((d) => !body.ids.includes(d.id))), { approved: body.ids.length };
  if (route === "GET /api/monitor/windows") return { windows: off ? [] : windows };
  if (route === "POST /api/monitor/windows") return windows.push({ ...body, id: `W-${windows.length + 1}`, from: Date.now(), by: "user:you", state: "open", findings: 0 }), windows.at(-1);
  if (route === "POST /api/monitor/assets/approve") {
    for (const a of assets) if (body.ids.includes(a.id)) a.approved = true;
    rev.assets += 1;
    return { approved: body.ids.length };
  }
  if (route === "GET /api/monitor/findings") {
    const state = q.get("state");
    const shown = findings.filter((f) => (state ? f.state === state : f.state !== "closed") && (!q.get("asset") || f.source === q.get("asset") || f.target === q.get("asset")) && f.severity >= Number(q.get("min") ?? 0));
    return { findings: off ? [] : shown.sort((a, b) => b.severity - a.severity), more: false, coverage: off ? [] : not_seen };
  }
  const end = /^(\w+) \/api\/monitor\/(assets|findings|windows)\/([^/]+)(?:\/([\w.]+))?$/.exec(route);
  if (!end) return null;
  const [, method, sort, raw, verb] = end;
  const id = decodeURIComponent(raw);
  if (sort === "windows") return Object.assign(windows.find((w) => w.id === id), { state: "ended" });
  if (sort === "findings") {
    const f = findings.find((x) => x.id === id);
    if (!f) return null;
    const said = { by: "you", at: Date.now(), note: body.note ?? "" };
    if (verb === "acknowledge") Object.assign(f, { state: "acknowledged", acknowledged: said });
    if (verb === "close") Object.assign(f, { state: "closed", closed: said });
    if (verb === "mute") Object.assign(f, { state: "muted", muted: { ...said, until: body.until, note: body.reason } });
    if (verb === "unmute") Object.assign(f, { state: "open", muted: null });
    if (method === "POST") {
      rev.findings += 1;
      f.history.push({ at: Date.now(), by: "you", what: { acknowledge: "acknowledged", close: "closed", mute: "muted", unmute: "unmuted" }[verb], note: body.note ?? body.reason ?? "" });
    }
    return f;
  }
  const a = assets.find((x) => x.id === id);
  if (!a) return null;
  if (verb === "draft") return { file: "connections/plc-capper.toml", text: '# Drafted from what was seen on the wire.\nkind = "s7"\nhost = "10.20.1.12"\nrack = 0\nslot = 1\n', tags: 0, notes: [{ line: 4, text: "Rack and slot as the HMI uses them." }], mistakes: "", others: [] };
  if (method === "PATCH") {
    if (body.name !== undefined) [a.given_name, a.name] = [body.name, body.name];
    for (const key of ["approved", "note"]) if (key in body) a[key] = body[key];
    for (const key of ["zone", "level"]) if (key in body) [a[key], a[`${key}_given`]] = [body[key] ?? (key === "zone" ? "" : 1), body[key] !== null];
    rev.assets += 1;
    return a;
  }
  const at = { interface: "eth1", packet: 412 };
  return {
    asset: a,
    facts: a.vendor ? [{ field: "vendor", value: a.vendor, source: "Modbus 43/14", evidence: at }, { field: "model", value: a.model, source: "Modbus 43/14", evidence: at }, { field: "name", value: a.name, source: "LLDP", evidence: null }] : [],
    links: links.filter((l) => l.client === id || l.server === id).slice(0, 100),
    points: a.serves.includes("modbus") ? [{ server: id, protocol: "modbus", unit: 1, name: "holding 100..149", reads: 12_000, writes: 0, readers: ["10.20.0.5", "10.20.1.50"], writers: [], last_value: null, last_write: null }, { server: id, protocol: "modbus", unit: 1, name: "holding 200", reads: 9120, writes: 313, readers: ["10.20.1.50"], writers: ["10.20.1.50", "10.20.3.77"], last_value: 590, last_write: at }] : [],
    findings: findings.filter((f) => f.source === id || f.target === id), draft: a.serves.includes("s7") ? ["s7"] : a.serves.includes("modbus") ? ["modbus-tcp"] : null,
  };
}
