// Connections, destinations, events, audit, people: plausible answers for development of the pages only.
const S = "acme/ironbridge-works";
const now = () => Date.now();
const start = now();

export const connections = () => [
  {
    name: "line-1", kind: "modbus-tcp", endpoint: "10.20.1.11:502", security: { level: "none", text: "Modbus/TCP without encryption: anyone on this network can read and write the device." },
    state: "connected", since: start - 86_400_000 * 3, points: 18, good: 17, bad: 1, requests_per_s: 13.2, response_ms: { p50: 3.1, p99: 11.8 },
    scans: [{ name: "fast", period_ms: 250, last_ms: 21, overruns: 0, points: 6, requests: 2 }, { name: "normal", period_ms: 1000, last_ms: 48, overruns: 3, points: 12, requests: 4 }],
    faults: { timeouts: 4, exceptions: 2, late: 1, desync: 0, reconnects: 1, bad_frames: 0 },
    devices: [
      { name: "filler", unit: 1, state: "ok", since: start - 86_400_000, next_probe_ms: null, quarantined: [{ address: "holding 40319", points: [`${S}/packaging/line-1/filler/reserve`], reason: "exception 02, illegal data address" }], excluded: ["40900-40999"] },
      { name: "capper", unit: 2, state: "demoted", since: start - 720_000, next_probe_ms: Date.now() + 14_000, quarantined: [], excluded: [] },
      { name: "packer", unit: 3, state: paused.has("line-1/packer") ? "paused" : "ok", since: start - 86_400_000, next_probe_ms: null, quarantined: [], excluded: [] },
    ],
    doubtful: [{ path: `${S}/packaging/line-1/filler/recipe`, quality: "BadTypeMismatch" }, { path: `${S}/packaging/line-1/filler/pressure`, quality: "BadSensorFailure" }],
    last_error: { time: start - 720_000, title: "The device capper (unit 2) does not answer.", meaning: "Its values are kept and marked bad; filler and packer are read as before.", next: "Check the power of the capper's PLC and its network cable. It is asked again every few seconds." },
  },
  {
    name: "meters", kind: "modbus-rtu-tcp", endpoint: "10.20.1.40:4001", security: { level: "none", text: "RTU over TCP without encryption." }, state: paused.has("meters") ? "paused" : "connected", since: start - 40_000_000, points: 16, good: 12, bad: 4, requests_per_s: 4.0, response_ms: { p50: 28, p99: 61 },
    scans: [{ name: "normal", period_ms: 1000, last_ms: 310, overruns: 0, points: 16, requests: 4 }], faults: { timeouts: 0, exceptions: 4, late: 0, desync: 0, reconnects: 0, bad_frames: 0 },
    devices: [1, 2, 3, 4].map((n) => ({ name: `feeder-${n}`, unit: n, state: "ok", since: start - 4e7, next_probe_ms: null, quarantined: [{ address: "input 3090", points: [`${S}/energy/feeder-${n}/reserved`], reason: "exception 02" }], excluded: [] })), last_error: null,
  },
  {
    name: "hall-gateway", kind: "modbus-tcp-tls", endpoint: "10.20.2.5:802", security: { level: "tls", text: "TLS 1.3, client certificate, valid until 2027-03-01" }, state: "lost", since: start - 190_000, points: 400, good: 397, bad: 3, requests_per_s: 0.1, response_ms: null,
    scans: [{ name: "slow", period_ms: 10_000, last_ms: null, overruns: 41, points: 400, requests: 8 }], faults: { timeouts: 41, exceptions: 0, late: 7, desync: 1, reconnects: 12, bad_frames: 2 },
    devices: [{ name: "hall", unit: 255, state: "waiting", since: start - 190_000, next_probe_ms: Date.now() + 31_000, quarantined: [], excluded: [] }],
    last_error: { time: start - 4_000, title: "10.20.2.5:802 refuses the connection.", meaning: "400 points keep their last value with a bad quality. Other connections are not affected.", next: "Is the gateway running? Is its port 802 open to this machine? Try: nc -vz 10.20.2.5 802" },
  },
];
export const paused = new Set();

export const destinations = () => [
  { name: "plant-broker", kind: "mqtt", endpoint: "mqtts://broker.plant:8883", state: paused.has("d/plant-broker") ? "paused" : "connected", since: start - 9e7, catch_up: "live_first", lag_s: 0.2, lag_samples: 90, backlog: null, rate_per_s: 431.2, sent: 81_402_771, last_ack: now() - 180, outage_hours: 410, rejects: 0, skipped: [], commands: "off", last_error: null, security: { level: "tls", text: "TLS 1.3, password" } },
  { name: "hq", kind: "sparkplug", endpoint: "mqtts://hq.example:8883", state: "lost", since: start - 5_400_000, catch_up: "live_first", lag_s: 5400, lag_samples: 2_331_002, backlog: { from: start - 5_400_000, to: now(), remaining: 2_331_002 }, rate_per_s: 0, sent: 79_000_120, last_ack: start - 5_400_000, outage_hours: 61, rejects: 3, letters: { waiting: 3, resent: 0, dropped: 0, fallen_out: 0 }, replay: { from: start - 9e7, to: start - 5e7, done: start - 7e7, sent: 1_204_330, finished: null, trouble: "" }, late: 0, skipped: [{ range: "epoch 4, 120331-120900", count: 569, time: start - 86_400_000 * 9 }], commands: "off", last_error: { time: start - 2000, title: "hq.example does not answer on port 8883.", meaning: "Nothing is lost: values wait on disk for at least another 61 h.", next: "Ask IT whether the VPN to headquarters is up." }, security: { level: "tls", text: "TLS 1.2" } },
];
export const rejects = () => [1, 2, 3].map((n) => ({ id: n, trouble: "", position: `4:${120_331 + n}`, path: `${S}/utilities/air/serial`, reason: "payload of type bytes is not accepted by the topic's schema", time: start - n * 60_000 }));

const L = `${S}/packaging/line-1`;
export const events = () => [
  { id: "capper-abort", revision: 2, kind: "alarm", source: "line-1", start: start - 720_000, end: null, severity: 820, state: "active", title: "Capper aborted: no caps", text: "State went from Execute to Aborted; filler will hold in about 2 min.", next: "Refill the cap hopper, then reset at the panel.", refs: [`${L}/capper/state`] },
  { id: "conn-hall", revision: 9, kind: "fault", source: "hall-gateway", start: start - 190_000, end: null, severity: 640, state: "active", title: "Connection hall-gateway lost", text: "10.20.2.5:802 refuses the connection.", next: "Is the gateway running? Is its port 802 open to this machine?", refs: ["hall-gateway"] },
  { id: "dest-hq", revision: 1, kind: "fault", source: "hq", start: start - 5_400_000, end: null, severity: 500, state: "active", title: "Destination hq unreachable for 1 h 30 min", text: "Values wait on disk; 61 h still fit.", next: "Ask IT whether the VPN to headquarters is up.", refs: ["hq"] },
  { id: "dev-capper", revision: 1, kind: "fault", source: "line-1", start: start - 719_000, end: null, severity: 450, state: "active", title: "Device capper demoted", text: "3 time-outs in a row; probed every few seconds.", next: "Check the power of the capper's PLC.", refs: [`${L}/capper/motor-temperature`] },
  { id: "clock-plc", revision: 1, kind: "finding", source: "IB-TIME-001", start: start - 3_000_000, end: null, severity: 320, state: "active", title: "The clock of feeder-3 is 4 min 12 s ahead", text: "Its stamps are not used; receive time is used instead.", next: "Set the clock of the meter.", refs: [`${S}/energy/feeder-3/power`] },
];
export const pastEvents = () =>
  Array.from({ length: 500 }, (_, i) => {
    const kinds = ["alarm", "fault", "interval", "change", "finding"];
    const kind = kinds[i % 5];
    const at = start - 3_600_000 - i * 1_300_000;
    return { id: `past-${i}`, revision: 1, kind, source: ["line-1", "meters", "audit"][i % 3], start: at, end: kind === "change" ? null : at + 60_000 * (1 + (i % 30)), severity: [650, 420, 100, 150, 300][i % 5], state: kind === "change" ? "info" : "cleared", title: ["Filler held: starved", "Device packer slow", "Batch 20417", "Set-point written by olga", "New talker 10.20.1.77"][i % 5], text: null, next: null, refs: [`${L}/filler/state`] };
  });

const hex = (n) => Array.from({ length: 64 }, (_, i) => ((n * 7919 + i * 104_729) % 16).toString(16)).join("");
export const auditRecords = Array.from({ length: 900 }, (_, i) => {
  const seq = 900 - i;
  const k = seq % 5;
  return { seq, time: start - i * 410_000, actor: ["olga", "admin", "jens", "hq (destination)", "local owner"][k], action: ["sign-in", "write", "pause", "token-create", "apply"][k], object: ["", `${L}/filler/target-speed`, "connection meters", "grafana", "plant"][k], outcome: ["ok", "Confirmed", "ok", "ok", seq % 3 ? "ok" : "Rejected"][k], detail: ["from 10.1.7.20", "480 -> 430 /min: foaming at 480", "", "role viewer, prefix packaging", "connections/line-1.toml changed"][k], hash: hex(seq) };
});
export const users = [
  { name: "administrator", role: "administrator", disabled: false, created: start - 3e9, last_sign_in: start - 60_000 },
  { name: "olga", role: "operator", disabled: false, created: start - 2e9, last_sign_in: start - 7e7 },
  { name: "jens", role: "engineer", disabled: false, created: start - 2e9, last_sign_in: null },
  { name: "wall-hall-2", role: "viewer", disabled: true, created: start - 1e9, last_sign_in: start - 9e8 },
];
export const tokens = [{ id: "t1", name: "grafana", role: "viewer", prefix: "packaging", created: start - 1e9, expires: start + 4e9, last_used: start - 12_000 }];
export const secrets = [{ name: "hq-mqtt", set_at: start - 5e8, used_by: ["hq"] }, { name: "old-db", set_at: start - 9e8, used_by: [] }];
export const tables = {
  tables: [
    { name: "samples", text: "every sample", columns: [["path", "text", "path of the point"], ["time", "timestamp", "source time"], ["received", "timestamp", ""], ["seq", "text", ""], ["value", "double", "NULL when Bad"], ["value_int", "bigint", ""], ["value_text", "text", ""], ["good", "boolean", ""], ["quality", "text", ""], ["status", "bigint", ""], ["historical", "boolean", ""]].map(([name, type, text]) => ({ name, type, text })) },
    { name: "latest", text: "the last value of every point", columns: [["path", "text"], ["time", "timestamp"], ["value", "double"], ["quality", "text"], ["age_s", "double"]].map(([name, type]) => ({ name, type, text: "" })) },
    { name: "points", text: "all points", columns: [["path", "text"], ["type", "text"], ["unit", "text"]].map(([name, type]) => ({ name, type, text: "" })) },
    { name: "events", text: "alarms, findings, faults, intervals, changes", columns: [["id", "text"], ["kind", "text"], ["start", "timestamp"], ["severity", "int"], ["title", "text"]].map(([name, type]) => ({ name, type, text: "" })) },
  ],
  functions: [{ name: "time_bucket", text: "time_bucket('1m', time): the start of the bucket" }, { name: "date_trunc", text: "" }],
  examples: [
    { title: "Bad points, worst first", sql: "SELECT path, quality, age_s\nFROM latest\nWHERE quality <> 'Good'\nORDER BY age_s DESC\nLIMIT 50" },
    { title: "Average per minute, last hour", sql: `SELECT time_bucket('1m', time) AS time, path, avg(value) AS average\nFROM samples\nWHERE path LIKE '%/speed' AND time > now() - INTERVAL '1 hour'\nGROUP BY 1, 2\nORDER BY 1` },
  ],
};
