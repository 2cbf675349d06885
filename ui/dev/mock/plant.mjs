// A plausible plant for development of the pages only: values are functions of time, so history and live agree.
const rand = (n) => {
  const x = Math.sin(n * 127.1 + 311.7) * 43758.5453;
  return x - Math.floor(x);
};
const noise = (seed, t, period) => {
  const i = Math.floor(t / period);
  const f = t / period - i;
  return (rand(seed + i) * (1 - f) + rand(seed + i + 1) * f) * 2 - 1;
};

const STATES = { 0: "Idle", 1: "Execute", 2: "Held", 3: "Suspended", 4: "Aborted" };
const S = "acme/ironbridge-works";

function f64(path, unit, base, swing, more = {}) {
  const seed = [...path].reduce((a, c) => a + c.charCodeAt(0), 0);
  return {
    path,
    type: "f64",
    unit,
    step: 1000,
    at: (t) => base + swing * (0.5 * Math.sin(t / 47000 + seed) + 0.3 * noise(seed, t, 9000) + 0.2 * noise(seed + 9, t, 1100) + 0.5 * Math.sin(t / 2.1e7)),
    ...more,
  };
}
const hold = (path, type, unit, of, more = {}) => ({ path, type, unit, step: 1000, at: of, ...more });

const points = [];
const line = `${S}/packaging/line-1`;
for (const [unit, speed] of [["filler", 480], ["capper", 482], ["packer", 79]]) {
  const p = `${line}/${unit}`;
  points.push(
    f64(`${p}/speed`, "/min", speed, 14, { range: [0, 600], name: "Speed" }),
    hold(`${p}/state`, "u64", null, (t) => (unit === "capper" ? 4 : t % 3_600_000 < 240_000 ? 2 : 1), { states: STATES, name: "Machine state" }),
    hold(`${p}/count`, "u64", "1", (t) => Math.floor((t - Date.UTC(2026, 0, 1)) / (60000 / speed)), { name: "Bottles counted" }),
    f64(`${p}/motor-temperature`, "Cel", 61, 6, { range: [0, 120], bad_from: unit === "capper" ? 720_000 : 0, quality: "BadCommunicationError" }),
    hold(`${p}/door-closed`, "bool", null, (t) => Math.floor(t / 400_000) % 5 !== 0, { states: { 0: "Open", 1: "Closed" } }),
  );
}
const targets = new Map();
for (const [path, unit, v, w] of [
  [`${line}/filler/target-speed`, "/min", 480, { min: 0, max: 600, step: 50, confirm: "readback" }],
  [`${S}/utilities/boiler-1/target-pressure`, "bar", 7.5, { min: 2, max: 9, confirm: "readback" }],
  [`${line}/filler/auto`, null, true, { confirm: "readback" }],
]) {
  targets.set(path, v);
  points.push(hold(path, typeof v === "boolean" ? "bool" : "f64", unit, () => targets.get(path), { write: w, writable: true, name: "Target" }));
}
points.push(
  f64(`${S}/utilities/boiler-1/pressure`, "bar", 7.4, 0.5, { range: [0, 10] }),
  f64(`${S}/utilities/boiler-1/water-level`, "%", 62, 9, { range: [0, 100] }),
  f64(`${S}/utilities/boiler-1/flue-gas`, "Cel", 182, 20),
  f64(`${S}/utilities/air/pressure`, "bar", 6.9, 0.3),
  f64(`${S}/utilities/air/leak-estimate`, "m3/h", 12, 3, { quality: "UncertainLastUsableValue", bad_from: 300_000 }),
  hold(`${S}/utilities/air/recipe`, "text", null, (t) => ["Lemonade 0.5 l", "Water 1 l"][Math.floor(t / 5_400_000) % 2]),
  hold(`${S}/utilities/air/serial`, "bytes", null, () => "00ff10aa55", {}),
);
for (let m = 1; m <= 4; m += 1) {
  points.push(
    f64(`${S}/energy/feeder-${m}/power`, "kW", 40 * m, 9),
    hold(`${S}/energy/feeder-${m}/energy`, "f64", "kW.h", (t) => ((t / 3.6e6) * 40 * m) % 1e6),
    f64(`${S}/energy/feeder-${m}/voltage`, "V", 231, 2),
    hold(`${S}/energy/feeder-${m}/reserved`, "u64", null, () => null, { bad_from: 9e12, quality: "BadConfigurationError" }),
  );
}
const extra = Number(process.env.MOCK_POINTS ?? 400);
for (let i = 0; i < extra; i += 1) {
  const area = `area-${String(1 + Math.floor(i / 5000)).padStart(2, "0")}`;
  const cell = `cell-${String(1 + (Math.floor(i / 100) % 50)).padStart(2, "0")}`;
  points.push(f64(`${S}/hall/${area}/${cell}/sensor-${String(i % 100).padStart(3, "0")}`, ["Cel", "bar", "A", "mm/s"][i % 4], 10 + (i % 50), 3, i % 137 === 3 ? { bad_from: 5e6, quality: "BadNoCommunication", never: true } : {}));
}
points.sort((a, b) => (a.path < b.path ? -1 : 1));
export const byPath = new Map(points.map((p) => [p.path, p]));
export { points };

/** Quality of a point at a time: bad for the last `bad_from` ms, and for two minutes every two hours in the past. */
export function qualityAt(p, t) {
  const now = Date.now();
  if (p.bad_from && t > started - p.bad_from && (p.bad_from > 1e12 || t > started - p.bad_from)) return p.quality;
  if (p.type === "f64" && !p.write && now - t > 60_000 && (t + p.path.length * 331_000) % 7_200_000 < 120_000) return "BadCommunicationError";
  return "Good";
}
const started = Date.now();

export function live(p, t = Date.now()) {
  const time = Math.floor(t / p.step) * p.step + 137;
  const quality = qualityAt(p, time);
  const good = !quality.startsWith("Bad");
  const lastTime = p.bad_from ? started - p.bad_from : time;
  const value = p.never ? null : good ? p.at(time) : null;
  const last = p.never || p.bad_from > 1e12 ? null : { value: good ? value : p.at(lastTime), time: good ? time : lastTime };
  return {
    path: p.path,
    name: p.name ?? p.path.split("/").pop(),
    type: p.type,
    unit: p.unit ?? null,
    value,
    state: p.states && value !== null ? (p.states[String(Number(value))] ?? null) : null,
    quality,
    good: quality.startsWith("Good"),
    status: quality === "Good" ? 0 : 0x80050000,
    time,
    received: time + 12.4,
    seq: time,
    last_good: last,
  };
}
export const setTarget = (path, value) => targets.set(path, value);

/** Folders under a prefix, with counts. */
export function children(prefix) {
  const out = new Map();
  const start = prefix ? `${prefix}/` : "";
  for (const p of points) {
    if (!p.path.startsWith(start)) continue;
    const rest = p.path.slice(start.length);
    const slash = rest.indexOf("/");
    const segment = slash < 0 ? rest : rest.slice(0, slash);
    const path = start + segment;
    if (slash < 0) {
      out.set(segment, { segment, path, kind: "point", points: 1, bad: 0, asset: null, point: live(p) });
      continue;
    }
    let entry = out.get(segment);
    if (!entry) {
      const asset = /(filler|capper|packer|boiler-1|feeder-\d)$/.test(segment) ? { type: segment.replace(/-\d+$/, ""), level: "work-unit", name: null } : null;
      out.set(segment, (entry = { segment, path, kind: asset ? "asset" : "folder", points: 0, bad: 0, asset, point: null }));
    }
    entry.points += 1;
    if (p.bad_from) entry.bad += 1;
  }
  return [...out.values()];
}
