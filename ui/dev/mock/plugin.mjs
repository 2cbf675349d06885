// A vite plugin that answers the HTTP API from made-up data. Only `vite dev` and `vite preview` use it; it is never built.
import { randomUUID } from "node:crypto";
import * as data from "./data.mjs";
import { commands } from "./commands.mjs";
import { config } from "./config.mjs";
import { discover } from "./discover.mjs";
import { monitor } from "./monitor.mjs";
import { byPath, children, live, points, qualityAt, setTarget } from "./plant.mjs";

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
const mode = { writes: process.env.MOCK_MODE === "READ-ONLY" ? "off" : "on", simulated: true, label: process.env.MOCK_MODE ?? "SIMULATED" };
const csrf = "dev-csrf";
const session = (user) => ({ user, csrf, mode, site: { enterprise: "acme", site: "ironbridge-works" }, version: "0.1.0-dev", server_time: Date.now() });
const fail = (res, status, code, title, meaning, next) => json(res, { error: { code, title, meaning, next } }, status);
const json = (res, body, status = 200) => {
  res.statusCode = status;
  res.setHeader("content-type", "application/json");
  res.end(JSON.stringify(body));
};
const page = (all, before, limit, key) => {
  const from = before ? all.findIndex((x) => String(key(x)) === String(before)) + 1 : 0;
  const rows = all.slice(from, from + limit);
  return [rows, from + limit < all.length ? key(rows[rows.length - 1]) : null];
};
const RANK = { viewer: 0, operator: 1, engineer: 2, administrator: 3 };

async function handle(req, res) {
  const url = new URL(req.url, "http://x");
  const q = url.searchParams;
  const chunks = [];
  for await (const c of req) chunks.push(c);
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString() || "{}") : {};
  const route = `${req.method} ${url.pathname}`;
  const cookie = /role=(\w+)/.exec(req.headers.cookie ?? "")?.[1];
  const user = cookie ? { name: cookie, role: cookie } : null;
  const enter = (role) => {
    res.setHeader("set-cookie", `role=${role}; HttpOnly; SameSite=Strict; Path=/`);
    json(res, session({ name: role, role }));
  };
  if (route === "POST /api/session") {
    if (!(body.name in RANK) || body.password !== "development") return fail(res, 401, "wrong-password", "Name or password is wrong.", "The plant is not affected.", "Try again, or ask an administrator for a one-time link.");
    return enter(body.name);
  }
  if (route === "POST /api/session/link" || route === "POST /api/setup") {
    if (body.token === "used") return fail(res, 401, "link-used", "This link was used already.", "Nothing was changed.", "Ask an administrator for a new one.");
    return enter("administrator");
  }
  if (!user) return fail(res, 401, process.env.MOCK_SETUP ? "setup-needed" : "signed-out", "You are signed out.", "The plant is not affected.", "Sign in.");
  if (req.method !== "GET" && !["/api/live", "/api/latest"].includes(url.pathname) && req.headers["x-csrf-token"] !== csrf) return fail(res, 403, "csrf", "The request has no valid token.", "Nothing was changed.", "Reload the page.");

  switch (route) {
    case "GET /api/session": return json(res, session(user));
    case "DELETE /api/session": res.setHeader("set-cookie", "role=; Max-Age=0; Path=/"); return json(res, {});
    case "POST /api/session/password": return json(res, {});
    case "GET /api/overview": return json(res, overview());
    case "GET /api/tree": return json(res, { prefix: q.get("prefix") ?? "", parent: null, children: children(q.get("prefix") ?? "") });
    case "GET /api/points": {
      const s = (q.get("search") ?? "").toLowerCase();
      const pre = q.get("prefix") ?? "";
      const want = q.get("quality");
      const hits = points.filter((p) => p.path.toLowerCase().includes(s) && p.path.startsWith(pre) && (!want || (want === "bad") === Boolean(p.bad_from)));
      const [rows, next] = page(hits, q.get("after"), Number(q.get("limit") ?? 200), (p) => p.path);
      return json(res, { points: rows.map((p) => live(p)), next, total: hits.length });
    }
    case "GET /api/point": return pointDetail(res, q.get("path"), user);
    case "POST /api/point/write": return write(res, body);
    case "POST /api/latest": return json(res, { values: body.paths.map((p) => byPath.get(p)).filter(Boolean).map((p) => live(p)) });
    case "POST /api/live": return stream(req, res, body.paths);
    case "GET /api/range": return range(res, q);
    case "GET /api/trend": return trend(res, q);
    case "GET /api/download": res.setHeader("content-disposition", "attachment; filename=points.csv"); return res.end("time,value\n");
    case "GET /api/connections": return json(res, { connections: process.env.MOCK_EMPTY ? [] : data.connections() });
    case "GET /api/destinations": return json(res, { destinations: process.env.MOCK_EMPTY ? [] : data.destinations() });
    case "GET /api/events": {
      let all = [...data.events(), ...data.pastEvents()];
      if (q.get("active")) all = all.filter((e) => e.state === "active");
      if (q.get("kind")) all = all.filter((e) => e.kind === q.get("kind"));
      if (q.get("from")) all = all.filter((e) => e.start >= Number(q.get("from")));
      if (q.get("to")) all = all.filter((e) => e.start <= Number(q.get("to")));
      if (q.get("severity_min")) all = all.filter((e) => e.severity >= Number(q.get("severity_min")));
      if (q.get("search")) all = all.filter((e) => JSON.stringify(e).toLowerCase().includes(q.get("search").toLowerCase()));
      const [rows, next] = page(all, q.get("before"), Number(q.get("limit") ?? 200), (e) => e.id);
      return json(res, { events: rows, next });
    }
    case "GET /api/query/tables": return json(res, data.tables);
    case "POST /api/query": return query(res, body);
    case "POST /api/query/cancel": return json(res, {});
    case "POST /api/query/export": return res.end("a,b\n1,2\n");
    case "GET /api/audit": {
      const s = (q.get("search") ?? "").toLowerCase();
      const hits = data.auditRecords.filter((r) => JSON.stringify(r).toLowerCase().includes(s));
      const [rows, next] = page(hits, q.get("before"), Number(q.get("limit") ?? 200), (r) => r.seq);
      return json(res, { records: rows, next, chain: { records: 900, verified: true, checked_at: Date.now() - 3_000_000, problem: null } });
    }
    case "POST /api/audit/verify": await new Promise((r) => setTimeout(r, 400)); return json(res, { ok: true, records: 900, problem: null });
    case "GET /api/users": return json(res, { users: data.users });
    case "POST /api/users": return json(res, { user: { name: body.name, role: body.role }, link: `http://localhost:4173/link#${randomUUID()}` });
    case "GET /api/tokens": return json(res, { tokens: data.tokens });
    case "POST /api/tokens": return json(res, { token: `ib_${randomUUID().replaceAll("-", "")}`, id: "t2" });
    case "GET /api/secrets": return json(res, { secrets: data.secrets });
    default: break;
  }
  const answer = monitor(route, q, body) ?? discover(route, body) ?? commands(route, q, body) ?? config(route, q, body);
  if (answer) return json(res, answer);
  const act = /^\/api\/(connections|destinations)\/([^/]+)\/(pause|resume|rejects)$/.exec(url.pathname);
  if (act) {
    if (act[3] === "rejects") return json(res, { rejects: data.rejects() });
    const key = (act[1] === "destinations" ? "d/" : "") + act[2] + (body.device ? `/${body.device}` : "");
    if (act[3] === "pause") data.paused.add(key); else data.paused.delete(key);
    return json(res, {});
  }
  if (/^\/api\/users\/[^/]+\/link$/.test(url.pathname)) return json(res, { link: `http://localhost:4173/link#${randomUUID()}` });
  if (/^\/api\/(users|tokens|secrets)\//.test(url.pathname)) return json(res, {});
  return fail(res, 404, "not-found", `There is no ${url.pathname}.`, "The plant is not affected.", "Reload the page.");
}

function overview() {
  const S = "acme/ironbridge-works";
  const now = Date.now();
  const unit = (path, name, type, text, since, total, bad) => ({ path: `${S}/${path}`, name, type, state: text ? { text, since, quality: "Good", number: 1 } : null, points: total, bad });
  if (process.env.MOCK_EMPTY) return { sentence: "Nothing is connected yet.", level: "attention", lines: [], abnormal: [], data_health: {} };
  return {
    sentence: "Capper stopped 12 min: no caps. Filler and packer wait for it.", level: "alarm",
    lines: [
      { path: `${S}/packaging/line-1`, name: "Packaging line 1", level: "alarm", state: { text: "Suspended", since: now - 600_000, quality: "Good", number: 3 }, units: [unit("packaging/line-1/filler", "Filler", "Filler", "Suspended", now - 600_000, 7, 0), unit("packaging/line-1/capper", "Capper", "Capper", "Aborted", now - 720_000, 5, 1), unit("packaging/line-1/packer", "Packer", "Packer", "Execute", now - 3_600_000, 5, 0)] },
      { path: `${S}/utilities`, name: "Utilities", level: "normal", state: null, units: [unit("utilities/boiler-1", "Boiler 1", "Boiler", "Execute", now - 86_400_000 * 3, 4, 0), unit("utilities/air", "Compressed air", "Compressor", null, null, 4, 0), unit("energy/feeder-1", "Feeder 1", "Meter", null, null, 4, 1)] },
    ],
    abnormal: data.events(),
    data_health: { connections: { total: 3, connected: 2, lost: 1, paused: 0 }, points: { total: points.length, good: points.length - 9, uncertain: 1, bad: 8 }, good_percent: 98.2, oldest_unsent_s: 5400, outage_hours: 61, disk_days_left: 240, disk: { used_bytes: 3.1e10, free_bytes: 1.9e11 }, clock: { offset_ms: 1.4, synchronised: true }, monitor_coverage: "eth1 sees 1,240 packets/s, none lost; 2 of 3 connections are seen", journal: { state: "ok", text: "synced 40 ms ago" }, rate_per_s: 431.5 },
  };
}

function pointDetail(res, path, user) {
  const p = byPath.get(path);
  if (!p) return fail(res, 404, "not-found", `There is no point ${path}.`, "The plant is not affected.", "Search for it: it may have been renamed.");
  const allowed = Boolean(p.writable) && RANK[user.role] >= 1 && mode.writes === "on";
  const why = !p.writable ? "The configuration does not allow writing this point." : mode.writes === "off" ? "Writes are off in this plant." : allowed ? "" : `Your role ${user.role} may not write; ask an operator.`;
  return json(res, {
    point: live(p), id: 17, description: "Made-up point for development", range: p.range ?? null, states: p.states ?? null, writable: Boolean(p.writable), write: p.write ?? null, may_write: { allowed, why },
    connection: "line-1", device: "filler", source: "holding 100 f32 CDAB", scan: "1s", asset: { path: path.split("/").slice(0, -1).join("/"), type: "Filler", name: "Filler", owner_ot: "Maintenance A", owner_it: "Plant IT", zone: "line-1" },
    destinations: [{ name: "plant-broker", kind: "mqtt", state: "connected" }, { name: "hq", kind: "sparkplug", state: "lost" }], history: { first: Date.now() - 86_400_000 * 400, last: Date.now() },
  });
}

async function write(res, body) {
  const p = byPath.get(body.path);
  const before = live(p).value;
  await new Promise((r) => setTimeout(r, 250));
  if (body.value === 13 || body.value === 550) return json(res, { id: "c1", outcome: "Unknown", why: "the device did not answer within 1 s", before, readback: null, took_ms: 2012 });
  if (typeof body.value === "number" && Math.abs(body.value - before) > (p.write.step ?? 1e9)) return json(res, { id: "c1", outcome: "Rejected", why: `the step from ${before} to ${body.value} is larger than ${p.write.step}`, before, readback: null, took_ms: 0 });
  setTarget(body.path, body.value);
  json(res, { id: "c1", outcome: "Confirmed", why: "", before, readback: body.value, took_ms: 251 });
}

function stream(req, res, paths) {
  res.setHeader("content-type", "text/event-stream");
  res.setHeader("cache-control", "no-store");
  const send = (name, body) => res.write(`event: ${name}\ndata: ${JSON.stringify(body)}\n\n`);
  const last = new Map();
  const tick = () => {
    const v = [];
    paths.forEach((path, i) => {
      const p = byPath.get(path);
      if (!p) return;
      const l = live(p);
      if (last.get(path) === l.time && !p.write) return;
      last.set(path, l.time);
      v.push([i, l.value, l.quality, l.good, l.time]);
    });
    if (v.length) send("values", { server_time: Date.now(), v });
  };
  tick();
  const values = setInterval(tick, 250);
  const ping = setInterval(() => send("ping", { server_time: Date.now() }), 5000);
  res.on("close", () => (clearInterval(values), clearInterval(ping)));
}

function range(res, q) {
  const p = byPath.get(q.get("path"));
  const from = Number(q.get("from") ?? 0);
  const to = Math.min(Date.now(), Number(q.get("to") ?? Date.now()));
  const limit = Number(q.get("limit") ?? 5000);
  const out = { time: [], received: [], seq: [], value: [], quality: [], good: [], historical: [], more: false };
  const desc = q.get("order") === "desc";
  const first = desc ? Math.floor((to - 137) / p.step) * p.step + 137 : Math.ceil((from - 137) / p.step) * p.step + 137;
  for (let t = first, n = 0; t >= from && t <= to; t += desc ? -p.step : p.step, n += 1) {
    if (n >= limit) { out.more = true; break; }
    const quality = qualityAt(p, t);
    const good = !quality.startsWith("Bad");
    out.time.push(t); out.received.push(t + 12.4); out.seq.push(String(t)); out.value.push(good ? p.at(t) : null); out.quality.push(quality); out.good.push(quality.startsWith("Good")); out.historical.push(false);
  }
  json(res, out);
}

function trend(res, q) {
  const p = byPath.get(q.get("path"));
  const from = Number(q.get("from"));
  const to = Math.min(Date.now(), Number(q.get("to")));
  const buckets = Number(q.get("buckets") ?? 800);
  const raw = (to - from) / p.step <= buckets * 2;
  const step = raw ? p.step : Math.ceil((to - from) / buckets / 1000) * 1000;
  const out = { mode: raw ? "raw" : "buckets", bucket_ms: raw ? null : step, time: [], avg: raw ? null : [], min: [], max: [], first: [], last: [], count: [], good: [] };
  if (raw) out.avg = [];
  const startAt = Math.max(from, Date.now() - 86_400_000 * 400);
  for (let t = Math.floor(startAt / step) * step + (raw ? 137 : 0); t <= to; t += step) {
    const samples = raw ? [t] : [0, 0.2, 0.4, 0.6, 0.8].map((f) => t + f * step);
    const good = samples.filter((s) => s <= to && !qualityAt(p, s).startsWith("Bad"));
    const v = good.map((s) => Number(p.at(s))).filter((x) => Number.isFinite(x));
    out.time.push(t);
    const any = v.length > 0;
    out.avg.push(any ? v.reduce((a, b) => a + b, 0) / v.length : null);
    out.min.push(any ? Math.min(...v) : null); out.max.push(any ? Math.max(...v) : null);
    out.first.push(any ? v[0] : null); out.last.push(any ? v[v.length - 1] : null);
    out.count.push(Math.max(1, Math.round(step / p.step))); out.good.push(v.length / samples.length);
  }
  json(res, out);
}

async function query(res, body) {
  await new Promise((r) => setTimeout(r, /sleep/i.test(body.sql) ? 8000 : 150));
  if (/error/i.test(body.sql)) return fail(res, 400, "sql", "Line 2: there is no table 'sampels'.", "Nothing was changed; recording goes on.", "Did you mean 'samples'?");
  const now = Date.now();
  if (/avg/i.test(body.sql)) {
    const rows = [];
    for (let i = 60; i >= 0; i -= 1) for (const u of ["filler", "capper", "packer"]) rows.push([now - i * 60_000, `acme/ironbridge-works/packaging/line-1/${u}/speed`, byPath.get(`acme/ironbridge-works/packaging/line-1/${u}/speed`).at(now - i * 60_000)]);
    return json(res, { columns: [{ name: "time", type: "timestamp" }, { name: "path", type: "text" }, { name: "average", type: "double" }], rows, truncated: false, elapsed_ms: 18.4, rows_scanned: 10800 });
  }
  const rows = points.slice(0, body.limit).map((p) => { const l = live(p); return [p.path, l.quality, l.time, typeof l.value === "number" ? l.value : null]; });
  json(res, { columns: [{ name: "path", type: "text" }, { name: "quality", type: "text" }, { name: "time", type: "timestamp" }, { name: "value", type: "double" }], rows, truncated: points.length > body.limit, elapsed_ms: 31.2, rows_scanned: points.length });
}

export function mockServer() {
  const middleware = (csp) => (req, res, next) => {
    if (csp) res.setHeader("content-security-policy", CSP);
    if (!req.url.startsWith("/api/")) return next();
    handle(req, res).catch((e) => fail(res, 500, "mock", String(e.stack), "Only the mock is broken.", "Repair dev/mock."));
  };
  return {
    name: "ironbridge-mock",
    configureServer: (server) => void server.middlewares.use(middleware(false)),
    configurePreviewServer: (server) => void server.middlewares.use(middleware(true)),
  };
}
