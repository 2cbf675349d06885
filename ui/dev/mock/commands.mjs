// Made-up commands and leases.
const L = "acme/ironbridge-works/packaging/line-1";
const now = () => Date.now();
const open = [
  { id: "c1", path: `${L}/filler/target-speed`, name: "Target speed", unit: "/min", value: 450, before: 420, who: "user:otto", reason: "foaming at 480", asked: now() - 30_000, expires: now() + 870_000, ended: null, state: "waiting", outcome: null, why: "", readback: null, took_ms: null, approval: { role: "engineer", by: null }, steps: [{ time: now() - 30_000, who: "user:otto", what: "asked", text: "" }, { time: now() - 30_000, who: "", what: "waiting", text: "for somebody with the role engineer" }], may: { approve: { allowed: true, why: "" }, cancel: { allowed: true, why: "" } } },
];
const done = [
  { id: "c0", path: "acme/ironbridge-works/utilities/boiler-1/setpoint", name: "Pressure set-point", unit: "bar", value: 7.5, before: 8, who: "user:anna", reason: "less steam is needed", asked: now() - 400_000, expires: now() - 390_000, ended: now() - 399_800, state: "done", outcome: "Confirmed", why: "", readback: 7.5, took_ms: 162, approval: null, steps: [{ time: now() - 400_000, who: "user:anna", what: "asked", text: "" }, { time: now() - 399_950, who: "", what: "sending", text: "" }, { time: now() - 399_800, who: "", what: "Confirmed", text: "read back 7.5" }], may: {} },
  { id: "c9", path: `${L}/capper/beacon`, name: "Beacon light", unit: null, value: true, before: false, who: "destination:hq", reason: "", asked: now() - 900_000, expires: now() - 890_000, ended: now() - 899_990, state: "done", outcome: "Rejected", why: "the interlock `guard` does not hold: Guard closed is Bad", readback: null, took_ms: 4, approval: null, steps: [], may: {} },
];
const leases = [{ path: `${L}/filler`, holder: "user:otto", since: now() - 600_000, until: now() + 1_800_000, reason: "format change", mine: false, may_release: true }];
export function commands(route, q, body) {
  if (route === "GET /api/commands") return { commands: (q.get("state") === "open" ? open : done).filter((c) => c.path.startsWith(q.get("path") ?? "")) };
  if (route === "GET /api/leases") return { leases };
  if (route === "POST /api/leases") {
    const lease = { path: body.path, holder: "user:administrator", since: now(), until: now() + body.minutes * 60_000, reason: body.reason, mine: true, may_release: true };
    leases.push(lease);
    return lease;
  }
  if (route === "POST /api/leases/release") {
    leases.splice(leases.findIndex((l) => l.path === body.path), 1);
    return {};
  }
  const act = /^POST \/api\/commands\/(approve|deny|cancel)$/.exec(route);
  const at = act ? open.findIndex((c) => c.id === body.id) : -1;
  if (at < 0) return null;
  const [one] = open.splice(at, 1);
  done.unshift({ ...one, state: "done", outcome: act[1] === "approve" ? "Confirmed" : "Rejected", why: act[1] === "approve" ? "" : "denied", took_ms: 120 });
  return done[0];
}
