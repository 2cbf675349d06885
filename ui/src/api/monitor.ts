/** The network monitor: what it sees, who is there, who talks to whom, what was found. Texts from packets are text only. */
import { draft, type Draft } from "./discover";
import { ApiError, query, request } from "./http";
import type { Maybe } from "./types";

type Options = { signal?: AbortSignal | undefined };
const list = <X>(value: Maybe<X[]>): X[] => (Array.isArray(value) ? value : []);
const enc = encodeURIComponent;
/** Nothing of these answers is shown as it came. */
const get = <T>(path: string, o: Options) => request<T>("GET", path, undefined, o);

/** Null: this gateway has no such thing (yet). */
const ifThere = async <T>(path: string, o: Options): Promise<T | null> => {
  try {
    return await get<T>(path, o);
  } catch (e) {
    if (e instanceof ApiError && (e.status === 404 || e.status === 503)) return null;
    throw e;
  }
};

export type Mode = "learning" | "guarding";
export type Seen = "seen" | "encrypted" | "one-way" | "never" | "not-ip";
export type FindingState = "open" | "acknowledged" | "muted" | "closed";

export interface Interface {
  name: string;
  state: "up" | "down" | "missing" | "no-right" | "failed" | "starting";
  why?: Maybe<string>;
  next?: Maybe<string>;
  packets?: Maybe<number>;
  bytes?: Maybe<number>;
  packets_per_second?: Maybe<number>;
  bits_per_second?: Maybe<number>;
  messages_per_second?: Maybe<number>;
  /** Packets the kernel had no room for. */
  dropped?: Maybe<number>;
  /** Packets left out on purpose in a flood. */
  not_decoded?: Maybe<number>;
  sampling?: Maybe<string>;
  last_packet?: Maybe<number>;
}
export interface SeenConnection {
  name: string;
  endpoint?: Maybe<string>;
  kind?: Maybe<string>;
  seen: Seen;
  asset?: Maybe<string>;
  packets?: Maybe<number>;
  last?: Maybe<number>;
}
export interface SeenZone {
  /** Empty: no zone yet. */
  zone: string;
  assets?: Maybe<number>;
  approved?: Maybe<number>;
  seen?: Maybe<number>;
  encrypted?: Maybe<number>;
  one_way?: Maybe<number>;
  open_findings?: Maybe<number>;
  mode?: Maybe<Mode>;
}
export interface Monitor {
  on: boolean;
  why?: Maybe<string>;
  next?: Maybe<string>;
  sentence: string;
  /** The start of this run: packets, losses and rates count from here. */
  since?: Maybe<number>;
  /** Links, data touched and packets of assets count from here, over restarts. */
  counted_since?: Maybe<number>;
  revision: Record<string, number>;
  open: Record<string, number>;
  interfaces: Interface[];
  coverage: Record<string, Maybe<number>>;
  not_seen: string[];
  connections: SeenConnection[];
  zones: SeenZone[];
  /** What is known of this gateway's own traffic, held against plan, orders and sockets; numbers since the start. */
  explained?: Maybe<Record<"commands_matched" | "commands_unmatched" | "answers_same" | "answers_changed" | "answers_single" | "no_room", number>>;
  evidence?: Maybe<{ bytes?: Maybe<number>; limit_bytes?: Maybe<number>; removed?: Maybe<number> }>;
}

export interface AssetRow {
  id: string;
  /** Given by a person, else what it says of itself, else empty. */
  name: string;
  given_name?: Maybe<string>;
  addresses: string[];
  macs: string[];
  card?: Maybe<string>;
  vlan?: Maybe<number>;
  role: string;
  role_words: string;
  vendor?: Maybe<string>;
  model?: Maybe<string>;
  firmware?: Maybe<string>;
  serial?: Maybe<string>;
  level: number | null;
  level_given?: Maybe<boolean>;
  zone: string;
  zone_given?: Maybe<boolean>;
  approved: boolean;
  note?: Maybe<string>;
  connection?: Maybe<string>;
  own?: Maybe<boolean>;
  serves: string[];
  asks: string[];
  sent?: Maybe<number>;
  received?: Maybe<number>;
  first?: Maybe<number>;
  last?: Maybe<number>;
  live?: Maybe<boolean>;
  findings: number;
  worst?: Maybe<number>;
}
export interface Evidence {
  interface: string;
  packet: number;
}
export interface Fact {
  field: string;
  value: string;
  source: string;
  evidence?: Maybe<Evidence>;
}
export interface FunctionRow {
  function: number;
  name: string;
  effect: string;
  requests?: Maybe<number>;
  answers?: Maybe<number>;
  refused?: Maybe<number>;
}
export interface LinkRow {
  client: string;
  server: string;
  protocol: string;
  realm?: Maybe<string>;
  port?: Maybe<number>;
  seen?: Maybe<"both" | "one-way" | "encrypted" | "silent">;
  connections?: Maybe<number>;
  packets_to_server?: Maybe<number>;
  bytes_to_server?: Maybe<number>;
  packets_to_client?: Maybe<number>;
  bytes_to_client?: Maybe<number>;
  changes?: Maybe<number>;
  malformed?: Maybe<number>;
  first?: Maybe<number>;
  last?: Maybe<number>;
  own?: Maybe<boolean>;
  functions: FunctionRow[];
}
export interface PointRow {
  server: string;
  protocol: string;
  unit?: Maybe<number>;
  name: string;
  reads?: Maybe<number>;
  writes?: Maybe<number>;
  readers: string[];
  writers: string[];
  /** Reads and writes by machines that had no room in the lists. */
  others?: Maybe<number>;
  last_value?: Maybe<number>;
  last_write?: Maybe<Evidence>;
  first?: Maybe<number>;
  last?: Maybe<number>;
}
interface Said {
  by?: Maybe<string>;
  at?: Maybe<number>;
  note?: Maybe<string>;
}
export interface Finding {
  id: string;
  rule: string;
  title: string;
  meaning?: Maybe<string>;
  next?: Maybe<string>;
  severity: number;
  techniques: { id: string; name: string; was?: Maybe<string> }[];
  source: string;
  target: string;
  source_name?: Maybe<string>;
  target_name?: Maybe<string>;
  state: FindingState;
  count: number;
  first?: Maybe<number>;
  last?: Maybe<number>;
  details: string[];
  protocol?: Maybe<string>;
  path?: Maybe<string>;
  window?: Maybe<string>;
  acknowledged?: Maybe<Said>;
  /** The note is the reason. */
  muted?: Maybe<Said & { until?: Maybe<number> }>;
  closed?: Maybe<Said>;
  evidence: Evidence[];
  /** Kept for download; 0: none any more. */
  packets?: Maybe<number>;
  packet_bytes?: Maybe<number>;
  history: { at?: Maybe<number>; by?: Maybe<string>; what: string; note?: Maybe<string> }[];
}
export interface SeenAsset {
  asset: AssetRow;
  facts: Fact[];
  links: LinkRow[];
  points: PointRow[];
  findings: Finding[];
  /** Kinds of connections that can be drafted. */
  draft: string[];
}
export interface AssetChange {
  approved?: boolean;
  name?: string;
  note?: string;
  level?: number | null;
  zone?: string | null;
}
export interface MapNode {
  id: string;
  label: string;
  role: string;
  level: number | null;
  zone: string;
  approved: boolean;
  own?: Maybe<boolean>;
  connection?: Maybe<string>;
  live?: Maybe<boolean>;
  serves: string[];
  asks: string[];
  findings: number;
  worst?: Maybe<number>;
}
export interface MapEdge {
  client: string;
  server: string;
  protocols: string[];
  packets?: Maybe<number>;
  bytes?: Maybe<number>;
  changes?: Maybe<number>;
  encrypted?: Maybe<boolean>;
  one_way?: Maybe<boolean>;
  findings: number;
  worst?: Maybe<number>;
  last?: Maybe<number>;
}
export interface NetworkMap {
  nodes: MapNode[];
  edges: MapEdge[];
  more: boolean;
}
export interface Protocol {
  key: string;
  name: string;
  realm: string;
}
export interface ZoneMode {
  zone: string;
  mode: Mode;
  since?: Maybe<number>;
  by?: Maybe<string>;
  /** Seconds since something new was learned. */
  quiet_s?: Maybe<number>;
}
export interface Difference {
  id: string;
  kind: string;
  title: string;
  source: string;
  target: string;
  zone: string;
  first?: Maybe<number>;
  last?: Maybe<number>;
  count?: Maybe<number>;
  finding?: Maybe<string>;
}
export interface WorkWindow {
  id: string;
  who: string;
  assets: string[];
  from?: Maybe<number>;
  until?: Maybe<number>;
  ticket: string;
  note?: Maybe<string>;
  by?: Maybe<string>;
  state: "planned" | "open" | "over" | "ended";
  findings?: Maybe<number>;
}
export interface NewWindow {
  who: string;
  assets: string[];
  until: number;
  ticket: string;
  note: string;
}

const asset = (a: AssetRow): AssetRow => ({
  ...a,
  name: a.name ?? "",
  addresses: list(a.addresses),
  macs: list(a.macs),
  level: a.level ?? null,
  zone: a.zone ?? "",
  serves: list(a.serves),
  asks: list(a.asks),
  findings: a.findings ?? 0,
});
const link = (l: LinkRow): LinkRow => ({ ...l, functions: list(l.functions) });
const point = (p: PointRow): PointRow => ({ ...p, readers: list(p.readers), writers: list(p.writers) });
const finding = (f: Finding): Finding => ({
  ...f,
  techniques: list(f.techniques),
  details: list(f.details),
  evidence: list(f.evidence),
  history: list(f.history),
});
const one = (id: string) => `/api/monitor/findings/${enc(id)}`;
const act = async (id: string, verb: string, body: unknown) => finding(await request<Finding>("POST", `${one(id)}/${verb}`, body));

export const monitor = {
  state: async (o: Options = {}): Promise<Monitor> => {
    const raw = await get<Partial<Monitor>>("/api/monitor", o);
    return {
      ...raw,
      on: raw.on ?? false,
      sentence: raw.sentence ?? "",
      revision: raw.revision ?? {},
      open: raw.open ?? {},
      interfaces: list(raw.interfaces),
      coverage: raw.coverage ?? {},
      not_seen: list(raw.not_seen),
      connections: list(raw.connections),
      zones: list(raw.zones),
    };
  },
  protocols: async (o: Options = {}) => list((await get<{ protocols?: Protocol[] }>("/api/monitor/protocols", o)).protocols),

  assets: async (o: Options = {}) => {
    const raw = await get<{ assets?: AssetRow[]; more?: boolean }>("/api/monitor/assets", o);
    return { assets: list(raw.assets).map(asset), more: raw.more ?? false };
  },
  asset: async (id: string, o: Options = {}): Promise<SeenAsset> => {
    const raw = await get<Partial<SeenAsset> & { asset: AssetRow }>(`/api/monitor/assets/${enc(id)}`, o);
    return {
      asset: asset(raw.asset),
      facts: list(raw.facts),
      links: list(raw.links).map(link),
      points: list(raw.points).map(point),
      findings: list(raw.findings).map(finding),
      draft: list(raw.draft),
    };
  },
  change: async (id: string, change: AssetChange) => asset(await request<AssetRow>("PATCH", `/api/monitor/assets/${enc(id)}`, change)),
  approve: (ids: string[]) => request<{ approved?: number }>("POST", "/api/monitor/assets/approve", { ids }),
  forget: (id: string) => request<unknown>("DELETE", `/api/monitor/assets/${enc(id)}`),
  draft: async (id: string, what: { kind?: string; name?: string }) => draft(await request<Draft>("POST", `/api/monitor/assets/${enc(id)}/draft`, what)),

  map: async (o: Options = {}): Promise<NetworkMap> => {
    const raw = await get<Partial<NetworkMap>>("/api/monitor/map", o);
    const nodes = list(raw.nodes).map((n) => ({ ...n, label: n.label ?? "", level: n.level ?? null, zone: n.zone ?? "", serves: list(n.serves), asks: list(n.asks), findings: n.findings ?? 0 }));
    return { nodes, edges: list(raw.edges).map((e) => ({ ...e, protocols: list(e.protocols), findings: e.findings ?? 0 })), more: raw.more ?? false };
  },

  findings: async (p: { state?: FindingState | ""; asset?: string; min?: string }, o: Options = {}) => {
    const raw = await get<{ findings?: Finding[]; more?: boolean; coverage?: string[] }>(`/api/monitor/findings${query(p)}`, o);
    return { findings: list(raw.findings).map(finding), more: raw.more ?? false, coverage: list(raw.coverage) };
  },
  finding: async (id: string, o: Options = {}) => finding(await get<Finding>(one(id), o)),
  acknowledge: (id: string, note: string) => act(id, "acknowledge", { note }),
  close: (id: string, note: string) => act(id, "close", { note }),
  mute: (id: string, reason: string, until: number) => act(id, "mute", { reason, until }),
  unmute: (id: string) => act(id, "unmute", {}),
  packetsUrl: (id: string) => `${one(id)}/packets.pcap`,

  modes: async (o: Options = {}): Promise<ZoneMode[] | null> => {
    const raw = await ifThere<{ modes?: ZoneMode[] }>("/api/monitor/modes", o);
    return raw && list(raw.modes);
  },
  setMode: (zone: string, mode: Mode) => request<unknown>("PUT", "/api/monitor/modes", { zone, mode }),
  differences: async (o: Options = {}) => {
    const raw = await ifThere<{ differences?: Difference[]; more?: boolean }>("/api/monitor/differences", o);
    return raw && { differences: list(raw.differences), more: raw.more ?? false };
  },
  approveDifferences: (ids: string[]) => request<{ approved?: number }>("POST", "/api/monitor/differences/approve", { ids }),
  windows: async (past: boolean, o: Options = {}): Promise<WorkWindow[] | null> => {
    const raw = await ifThere<{ windows?: WorkWindow[] }>(`/api/monitor/windows${query({ past })}`, o);
    return raw && list(raw.windows).map((w) => ({ ...w, assets: list(w.assets) }));
  },
  addWindow: (window: NewWindow) => request<WorkWindow>("POST", "/api/monitor/windows", window),
  endWindow: (id: string) => request<WorkWindow>("POST", `/api/monitor/windows/${enc(id)}/end`, {}),
};
