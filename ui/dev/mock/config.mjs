// A made-up plant folder. Only as much of a check as a page needs to show one.
const LINE = '# The bottling line.\nkind = "modbus-tcp"\nhost = "10.20.1.11"      # the PLC of the filler\nscan = { fast = "250ms", normal = "1s" }\n\n[device.filler]\nunit = 1\nat = "packaging/line-1/filler"\n\n[device.filler.tags]\nspeed = { at = "40101", type = "f32", unit = "/min", scan = "fast" }\n';
const files = new Map([
  ["ironbridge.toml", 'enterprise = "acme"\nsite = "ironbridge-works"\nwrites = "off"\n'],
  ["connections/line-1.toml", LINE],
  ["connections/packer.csv", "tag,at,type\nspeed,40101,f32\n"],
  ["assets/filler.toml", 'type = "Filler"\npath = "packaging/line-1/filler"\n'],
]);
const schema = { type: "object", required: ["kind", "host"], properties: { kind: { type: "string", description: "The kind of connection" }, host: { type: "string", description: "Name or address of the device" }, port: { type: "integer", minimum: 1, maximum: 65535, default: 502, description: "TCP port" }, timeout: { type: "string", format: "period", default: "1s", description: "How long to wait" }, device: { type: "object", description: "The devices, by name", additionalProperties: { type: "object", properties: { unit: { type: "integer", minimum: 0, maximum: 255, default: 1, description: "Unit id" }, at: { type: "string", description: "Where its points live" }, safety: { type: "boolean", default: false, description: "Points of a safety controller are never written" } } } } } };
const values = (text) => ({ kind: "modbus-tcp", host: /host = "([^"]*)"/.exec(text)?.[1] ?? null, ...(/port = (\d+)/.exec(text) ? { port: Number(/port = (\d+)/.exec(text)[1]) } : {}), device: { filler: { unit: 1, at: "packaging/line-1/filler" } } });
const sortOf = (name) => (name.endsWith(".csv") ? "list" : name.startsWith("connections/") ? "connection" : name.startsWith("destinations/") ? "destination" : name.startsWith("assets/") ? "asset" : "plant");
const running = new Map(files);
const version = (text) => `${text.length}-${text.slice(0, 9)}`;
const diff = (a, b) => {
  const [before, after] = [a.split("\n"), b.split("\n")];
  return ["@@ -1 +1 @@", ...before.filter((l) => !after.includes(l)).map((l) => `-${l}`), ...after.filter((l) => !before.includes(l)).map((l) => `+${l}`)].join("\n") + "\n";
};
const mistakes = (edits) => edits.flatMap((e) => (e.text ?? "").split("\n").flatMap((l, i) => (/hosst/.test(l) ? [{ file: e.name, line: i + 1, message: "`hosst` is not known", help: "did you mean `host`?" }] : [])));
export function config(route, q, body) {
  if (route === "GET /api/config/files") return { folder: "/srv/plant", repository: { branch: "main", changed: 0 }, files: [...files].map(([name, text]) => ({ name, sort: sortOf(name), bytes: text.length, changed: Date.now() - 86_400_000 })) };
  if (route === "GET /api/config/kinds") return { kinds: [{ sort: "connection", name: "modbus-tcp", title: "Modbus TCP", sample: LINE }, { sort: "destination", name: "mqtt", title: "MQTT", sample: 'kind = "mqtt"\nurl = "mqtt://broker"\n' }, { sort: "asset", name: "", title: "Asset: a machine, line or area", sample: 'type = "Filler"\npath = ""\n' }] };
  if (route === "GET /api/config/file") {
    const name = q.get("name");
    const text = files.get(name);
    return text === undefined ? null : { name, sort: sortOf(name), text, version: version(text), kind: "modbus-tcp", values: values(text), schema: sortOf(name) === "list" ? null : schema };
  }
  if (route === "POST /api/config/check") return { mistakes: mistakes(body.edits), changes: body.edits.map((e) => ({ name: e.name, added: 1, removed: 1, diff: diff(files.get(e.name) ?? "", e.text ?? "") })) };
  if (route === "POST /api/config/change") {
    let text = body.text;
    for (const { path, value } of body.set) text = text.replace(new RegExp(`^${path.at(-1)} = ("[^"]*"|\\d+)`, "m"), `${path.at(-1)} = ${JSON.stringify(value)}`);
    return { text, values: values(text) };
  }
  if (route === "POST /api/config/save") {
    for (const e of body.edits) if (e.text === null) files.delete(e.name); else files.set(e.name, e.text);
    return { files: body.edits.map((e) => e.name), commit: "1a2b3c4", remark: "" };
  }
  if (route === "GET /api/plan") {
    const changed = [...files].filter(([name, text]) => running.get(name) !== text);
    return { mistakes: [], nothing: changed.length === 0, kept: { connections: 4, destinations: 1 }, connections: changed.map(([name]) => ({ name: name.split("/").pop().replace(".toml", ""), action: running.has(name) ? "change" : "open", points: { added: 2, removed: 0, changed: 1, same: 15 }, paths: [{ path: "acme/ironbridge-works/packaging/line-1/filler/speed", what: "changed", text: "unit /min to /h" }], requests_per_s: { now: 29, then: 31 }, busy: { now: 0.11, then: 0.12 } })), destinations: [], rebirths: changed.length ? [{ name: "hq", text: "A changed point." }] : [], settings: [], restart: [], files: changed.map(([name, text]) => ({ file: name, diff: diff(running.get(name) ?? "", text) })) };
  }
  if (route === "POST /api/apply") {
    for (const [name, text] of files) running.set(name, text);
    return { applied: true, rolled_back: false, summary: "changed: line-1; untouched: 4", why: "", notes: [], took_ms: 840 };
  }
  return null;
}
