/** The HTTP API as functions, route by route. Lists that a gateway leaves out become empty lists here, once. */
import { query, request, send } from "./http";
import type * as T from "./types";

type Options = { signal?: AbortSignal | undefined };
const list = <X>(value: X[] | null | undefined): X[] => (Array.isArray(value) ? value : []);
const enc = encodeURIComponent;

const event = (e: T.PlantEvent): T.PlantEvent => ({ ...e, refs: list(e.refs), severity: e.severity ?? 0 });
const trend = (t: Partial<T.Trend>): T.Trend => ({
  mode: t.mode ?? "raw",
  bucket_ms: t.bucket_ms ?? null,
  time: list(t.time),
  avg: t.avg ?? null,
  min: list(t.min),
  max: list(t.max),
  first: list(t.first),
  last: list(t.last),
  count: list(t.count),
  good: list(t.good),
});

export const api = {
  // Session
  session: (o: Options = {}) => request<T.Session>("GET", "/api/session", undefined, o),
  signIn: (name: string, password: string) => request<T.Session>("POST", "/api/session", { name, password }),
  signInWithLink: (token: string) => request<T.Session>("POST", "/api/session/link", { token }),
  setup: (token: string, name: string, password: string) => request<T.Session>("POST", "/api/setup", { token, name, password }),
  signOut: () => request<unknown>("DELETE", "/api/session"),
  changePassword: (current: string, next: string) => request<unknown>("POST", "/api/session/password", { current, new: next }),

  // First page
  overview: async (o: Options = {}): Promise<T.Overview> => {
    const raw = await request<Partial<T.Overview>>("GET", "/api/overview", undefined, o);
    return {
      sentence: raw.sentence ?? "",
      level: raw.level ?? "normal",
      lines: list(raw.lines).map((l) => ({ ...l, units: list(l.units) })),
      abnormal: list(raw.abnormal).map(event),
      data_health: raw.data_health ?? {},
    };
  },

  // Points
  tree: async (prefix: string, o: Options = {}): Promise<T.Tree> => {
    const raw = await request<Partial<T.Tree>>("GET", `/api/tree${query({ prefix })}`, undefined, o);
    return { prefix: raw.prefix ?? prefix, parent: raw.parent ?? null, children: list(raw.children), more: raw.more ?? false };
  },
  points: async (
    p: { search?: string; prefix?: string; quality?: "bad" | "good" | ""; limit?: number; after?: string | null },
    o: Options = {},
  ): Promise<T.PointPage> => {
    const raw = await request<Partial<T.PointPage>>("GET", `/api/points${query(p)}`, undefined, o);
    const points = list(raw.points);
    return { points, next: raw.next ?? null, total: raw.total ?? points.length };
  },
  point: async (path: string, o: Options = {}): Promise<T.PointDetail> => {
    const raw = await request<T.PointDetail>("GET", `/api/point${query({ path })}`, undefined, o);
    return { ...raw, destinations: list(raw.destinations) };
  },
  asset: async (path: string, o: Options = {}): Promise<T.AssetPage> => {
    const raw = await request<T.AssetPage>("GET", `/api/asset${query({ path })}`, undefined, o);
    const contract = raw.contract ? { ...raw.contract, extends: list(raw.contract.extends), missing: list(raw.contract.missing), parts: list(raw.contract.parts) } : null;
    return { ...raw, contract, points: list(raw.points), below: list(raw.below) };
  },
  writePoint: (w: { id: string; path: string; value: T.Value; reason: string; ttl_ms?: number }) =>
    request<T.WriteResult>("POST", "/api/point/write", w),
  live: (paths: string[], intervalMs: number, signal: AbortSignal) =>
    send("POST", "/api/live", { paths, interval_ms: intervalMs }, { signal }),
  range: async (
    p: { path: string; from?: number; to?: number; limit?: number; order?: "asc" | "desc" },
    o: Options = {},
  ): Promise<T.Range> => {
    const raw = await request<Partial<T.Range>>("GET", `/api/range${query(p)}`, undefined, o);
    return {
      time: list(raw.time),
      received: list(raw.received),
      seq: list(raw.seq),
      value: list(raw.value),
      quality: list(raw.quality),
      good: list(raw.good),
      historical: list(raw.historical),
      more: raw.more ?? false,
    };
  },
  trend: async (p: { path: string; from: number; to: number; buckets: number }, o: Options = {}): Promise<T.Trend> =>
    trend(await request<Partial<T.Trend>>("GET", `/api/trend${query(p)}`, undefined, o)),
  downloadUrl: (p: { path: string; from: number; to: number; format: "csv" | "parquet" }) => `/api/download${query(p)}`,

  about: async (o: Options = {}): Promise<T.About> => {
    const raw = await request<Partial<T.About>>("GET", "/api/about", undefined, o);
    return { listeners: list(raw.listeners) };
  },

  // Connections and destinations
  connections: async (o: Options = {}): Promise<T.Connection[]> => {
    const raw = await request<{ connections?: T.Connection[] }>("GET", "/api/connections", undefined, o);
    return list(raw.connections).map((c) => ({
      ...c,
      scans: list(c.scans),
      faults: c.faults ?? {},
      left_out: c.left_out ?? {},
      doubtful: list(c.doubtful),
      orders: list(c.orders),
      devices: list(c.devices).map((d) => ({
        ...d,
        quarantined: list(d.quarantined).map((q) => ({ ...q, points: list(q.points) })),
        excluded: list(d.excluded),
      })),
    }));
  },
  pauseConnection: (name: string, device: string | null) =>
    request<unknown>("POST", `/api/connections/${enc(name)}/pause`, { device }),
  resumeConnection: (name: string, device: string | null) =>
    request<unknown>("POST", `/api/connections/${enc(name)}/resume`, { device }),
  destinations: async (o: Options = {}): Promise<T.Destination[]> => {
    const raw = await request<{ destinations?: T.Destination[] }>("GET", "/api/destinations", undefined, o);
    return list(raw.destinations).map((d) => ({ ...d, skipped: list(d.skipped) }));
  },
  destinationSchema: async (name: string, version: number | null, o: Options = {}): Promise<T.DestinationSchema> => {
    const raw = await request<T.DestinationSchema>("GET", `/api/destinations/${enc(name)}/schema${version ? `?version=${version}` : ""}`, undefined, o);
    return { ...raw, messages: list(raw.messages), versions: list(raw.versions) };
  },
  pauseDestination: (name: string) => request<unknown>("POST", `/api/destinations/${enc(name)}/pause`, {}),
  resumeDestination: (name: string) => request<unknown>("POST", `/api/destinations/${enc(name)}/resume`, {}),
  replayDestination: (name: string, from: number, to: number | null) => request<T.Replay>("POST", `/api/destinations/${enc(name)}/replay`, { from, to }),
  stopReplay: (name: string) => request<T.Replay>("POST", `/api/destinations/${enc(name)}/replay/stop`, {}),
  resendRejects: (name: string, ids: number[] | null) => request<{ letters: number }>("POST", `/api/destinations/${enc(name)}/rejects/resend`, { ids }),
  dropRejects: (name: string, ids: number[] | null) => request<{ letters: number }>("POST", `/api/destinations/${enc(name)}/rejects/drop`, { ids }),
  rejects: async (name: string, o: Options = {}): Promise<T.Reject[]> =>
    list((await request<{ rejects?: T.Reject[] }>("GET", `/api/destinations/${enc(name)}/rejects`, undefined, o)).rejects),

  // Events
  events: async (
    p: {
      kind?: string;
      active?: boolean;
      severity_min?: number | "";
      search?: string;
      from?: number;
      to?: number;
      limit?: number;
      before?: string | null;
    },
    o: Options = {},
  ): Promise<T.EventPage> => {
    const raw = await request<Partial<T.EventPage>>("GET", `/api/events${query(p)}`, undefined, o);
    return { events: list(raw.events).map(event), next: raw.next ?? null };
  },

  // Query
  queryTables: async (o: Options = {}): Promise<T.QueryTables> => {
    const raw = await request<Partial<T.QueryTables>>("GET", "/api/query/tables", undefined, o);
    return {
      tables: list(raw.tables).map((t) => ({ ...t, columns: list(t.columns) })),
      functions: list(raw.functions),
      examples: list(raw.examples),
      address: raw.address,
      flight: raw.flight,
    };
  },
  query: async (sql: string, limit: number, id: string, o: Options = {}): Promise<T.QueryResult> => {
    const raw = await request<Partial<T.QueryResult>>("POST", "/api/query", { sql, limit, id }, o);
    return {
      columns: list(raw.columns),
      rows: list(raw.rows),
      truncated: raw.truncated ?? false,
      elapsed_ms: raw.elapsed_ms ?? 0,
      rows_scanned: raw.rows_scanned ?? null,
    };
  },
  cancelQuery: (id: string) => request<unknown>("POST", "/api/query/cancel", { id }),
  exportQuery: async (sql: string, format: "csv" | "parquet"): Promise<Blob> =>
    (await send("POST", "/api/query/export", { sql, format })).blob(),

  // Audit, users, tokens, secrets
  audit: async (p: { limit?: number; before?: number | string | null; search?: string }, o: Options = {}): Promise<T.AuditPage> => {
    const raw = await request<Partial<T.AuditPage>>("GET", `/api/audit${query(p)}`, undefined, o);
    return { records: list(raw.records), next: raw.next ?? null, chain: raw.chain ?? {} };
  },
  verifyAudit: () => request<{ ok: boolean; records?: number; problem?: T.Maybe<string> }>("POST", "/api/audit/verify", {}),
  users: async (o: Options = {}): Promise<T.User[]> => list((await request<{ users?: T.User[] }>("GET", "/api/users", undefined, o)).users),
  addUser: (name: string, role: T.Role) => request<{ user: T.User; link: string }>("POST", "/api/users", { name, role }),
  changeUser: (name: string, change: { role?: T.Role; disabled?: boolean }) =>
    request<unknown>("PATCH", `/api/users/${enc(name)}`, change),
  removeUser: (name: string) => request<unknown>("DELETE", `/api/users/${enc(name)}`),
  userLink: (name: string) => request<{ link: string }>("POST", `/api/users/${enc(name)}/link`, {}),
  tokens: async (o: Options = {}): Promise<T.Token[]> =>
    list((await request<{ tokens?: T.Token[] }>("GET", "/api/tokens", undefined, o)).tokens),
  addToken: (t: { name: string; role: T.Role; prefix: string | null; expires_days: number | null }) =>
    request<{ token: string; id: string }>("POST", "/api/tokens", t),
  removeToken: (id: string) => request<unknown>("DELETE", `/api/tokens/${enc(id)}`),
  secrets: async (o: Options = {}): Promise<T.Secret[]> =>
    list((await request<{ secrets?: T.Secret[] }>("GET", "/api/secrets", undefined, o)).secrets).map((s) => ({
      ...s,
      used_by: list(s.used_by),
    })),
  setSecret: (name: string, value: string) => request<unknown>("PUT", `/api/secrets/${enc(name)}`, { value }),
  removeSecret: (name: string) => request<unknown>("DELETE", `/api/secrets/${enc(name)}`),
};
