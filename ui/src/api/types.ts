/** The nouns of the HTTP API. Times are milliseconds since 1970 UTC. A field that a gateway may leave out is `?` and `null`. */

export type Maybe<T> = T | null | undefined;
export type Value = boolean | number | string | null;
export type Role = "viewer" | "operator" | "engineer" | "administrator";
export type Level = "normal" | "attention" | "alarm";

export interface Mode {
  writes: "off" | "on";
  simulated: boolean;
  label: "READ-ONLY" | "LIVE" | "SIMULATED";
}
export interface Session {
  user: { name: string; role: Role };
  csrf: string;
  /** For a while after a link that was made for it: without the old password. */
  may_set_password?: Maybe<boolean>;
  mode: Mode;
  site: { enterprise: string; site: string };
  version: string;
  server_time: number;
}

export interface StateNow {
  text: string;
  since?: Maybe<number>;
  quality?: Maybe<string>;
  number?: Maybe<number>;
}
export interface Unit {
  path: string;
  name: string;
  type?: Maybe<string>;
  state?: Maybe<StateNow>;
  points?: Maybe<number>;
  bad?: Maybe<number>;
}
export interface Line {
  path: string;
  name: string;
  level?: Maybe<Level>;
  state?: Maybe<StateNow>;
  units: Unit[];
}
export interface DataHealth {
  connections?: Maybe<{ total?: number; connected?: number; lost?: number; paused?: number }>;
  points?: Maybe<{ total?: number; good?: number; uncertain?: number; bad?: number }>;
  good_percent?: Maybe<number>;
  oldest_unsent_s?: Maybe<number>;
  outage_hours?: Maybe<number>;
  disk_days_left?: Maybe<number>;
  disk?: Maybe<{ used_bytes?: number; free_bytes?: number }>;
  clock?: Maybe<{ offset_ms?: Maybe<number>; synchronised?: boolean }>;
  monitor_coverage?: Maybe<string>;
  journal?: Maybe<{ state?: "ok" | "slow" | "failing"; text?: string }>;
  rate_per_s?: Maybe<number>;
}
export interface Overview {
  sentence: string;
  level: Level;
  lines: Line[];
  abnormal: PlantEvent[];
  data_health: DataHealth;
}

export type PointType = "bool" | "i64" | "u64" | "f64" | "text" | "bytes";
export interface PointLive {
  path: string;
  name: string;
  type: PointType;
  unit?: Maybe<string>;
  value: Value;
  state?: Maybe<string>;
  quality: string;
  good: boolean;
  status?: Maybe<number>;
  time?: Maybe<number>;
  received?: Maybe<number>;
  seq?: Maybe<number | string>;
  last_good?: Maybe<{ value: Value; time?: Maybe<number> }>;
}
export interface TreeChild {
  segment: string;
  path: string;
  kind: "folder" | "asset" | "point";
  points?: Maybe<number>;
  bad?: Maybe<number>;
  asset?: Maybe<{ type?: Maybe<string>; level?: Maybe<string>; name?: Maybe<string> }>;
  point?: Maybe<PointLive>;
}
export interface Tree {
  prefix: string;
  parent: string | null;
  children: TreeChild[];
  /** There are more children than one answer holds. */
  more: boolean;
}
export interface PointPage {
  points: PointLive[];
  next: string | null;
  total: number;
}
export interface WriteRule {
  min?: Maybe<number>;
  max?: Maybe<number>;
  step?: Maybe<number>;
  confirm?: Maybe<string>;
  tolerance?: Maybe<number>;
  rate?: Maybe<{ writes: number; per_s: number }>;
  role?: Maybe<Role>;
  /** The role of the second person who must agree. */
  approval?: Maybe<Role>;
  interlock?: Maybe<{ allow_if: string; points: Record<string, string>; allows: boolean; why?: Maybe<string> }>;
}
export interface PointDetail {
  point: PointLive;
  id?: Maybe<number>;
  description?: Maybe<string>;
  range?: Maybe<[number, number]>;
  states?: Maybe<Record<string, string>>;
  writable?: Maybe<boolean>;
  write?: Maybe<WriteRule>;
  may_write?: Maybe<{ allowed: boolean; why: string }>;
  /** Who holds the right to write here. */
  lease?: Maybe<{ path: string; holder: string; until?: Maybe<number>; reason?: Maybe<string>; mine?: Maybe<boolean> }>;
  connection?: Maybe<string>;
  device?: Maybe<string>;
  source?: Maybe<string>;
  scan?: Maybe<string>;
  asset?: Maybe<{
    path: string;
    type?: Maybe<string>;
    name?: Maybe<string>;
    owner_ot?: Maybe<string>;
    owner_it?: Maybe<string>;
    zone?: Maybe<string>;
  }>;
  destinations: { name: string; kind?: Maybe<string>; state?: Maybe<string> }[];
  history?: Maybe<{ first?: Maybe<number>; last?: Maybe<number> }>;
}
export interface AssetAt {
  path: string;
  name: string;
  type: string;
}
export interface AssetPoint {
  name: string;
  /** What its type wants, in words. */
  wanted?: Maybe<string>;
  required?: Maybe<boolean>;
  point?: Maybe<PointLive>;
}
export interface AssetPage {
  path: string;
  name: string;
  type: string;
  level: string;
  owner_ot?: Maybe<string>;
  owner_it?: Maybe<string>;
  zone?: Maybe<string>;
  /** Its type's promise; nothing if the type is only a word. */
  contract?: Maybe<{
    description: string;
    extends: string[];
    kept: boolean;
    missing: string[];
    parts: { name: string; type: string; required?: Maybe<boolean>; found?: Maybe<AssetAt> }[];
  }>;
  points: AssetPoint[];
  more?: Maybe<boolean>;
  below: AssetAt[];
  within?: Maybe<AssetAt>;
}
export type Outcome = "Confirmed" | "Accepted" | "Rejected" | "Failed" | "Unknown";
export interface WriteResult {
  id?: Maybe<string>;
  /** `Waiting`: a second person must agree; there is no outcome yet. */
  outcome: Outcome | "Waiting";
  why?: Maybe<string>;
  before?: Maybe<Value>;
  readback?: Maybe<Value>;
  took_ms?: Maybe<number>;
}
export interface Range {
  time: number[];
  received: Maybe<number>[];
  seq: string[];
  value: Value[];
  quality: string[];
  good: boolean[];
  historical: boolean[];
  more: boolean;
}
export interface Trend {
  mode: "raw" | "buckets";
  bucket_ms: number | null;
  time: number[];
  avg: (number | null)[] | null;
  min: (number | null)[];
  max: (number | null)[];
  first: (number | null)[];
  last: (number | null)[];
  count: number[];
  good: number[];
}

export interface Security {
  level: string;
  text: string;
}
export interface LastError {
  time?: Maybe<number>;
  title: string;
  meaning?: Maybe<string>;
  next?: Maybe<string>;
}
export interface Device {
  name: string;
  unit?: Maybe<number | string>;
  state: "ok" | "demoted" | "paused" | "waiting";
  since?: Maybe<number>;
  /** When it is probed next, ms since 1970. */
  next_probe_ms?: Maybe<number>;
  quarantined: { address: string; points: string[]; reason?: Maybe<string> }[];
  excluded: string[];
}
export interface Scan {
  name: string;
  period_ms?: Maybe<number>;
  last_ms?: Maybe<number>;
  overruns?: Maybe<number>;
  points?: Maybe<number>;
  requests?: Maybe<number>;
}
/** One thing that messages of a connection may ask to be written. */
export interface OrderWay {
  command: string;
  at: string;
  target: string;
  outcome: string;
  allowed: boolean;
}
export interface Connection {
  name: string;
  kind: string;
  endpoint?: Maybe<string>;
  security?: Maybe<Security>;
  state: "connected" | "connecting" | "lost" | "paused" | "failed";
  since?: Maybe<number>;
  points?: Maybe<number>;
  good?: Maybe<number>;
  bad?: Maybe<number>;
  requests_per_s?: Maybe<number>;
  budget?: Maybe<{ requests_per_s?: Maybe<number>; share?: Maybe<number>; connections?: Maybe<number>; open?: Maybe<number>; held_back?: Maybe<number> }>;
  response_ms?: Maybe<{ p50?: Maybe<number>; p99?: Maybe<number> }>;
  scans: Scan[];
  faults: Record<string, number>;
  left_out: Record<string, number>;
  devices: Device[];
  doubtful: { path: string; quality: string }[];
  orders: OrderWay[];
  last_error?: Maybe<LastError>;
}
export interface Destination {
  name: string;
  kind: string;
  endpoint?: Maybe<string>;
  state: "connected" | "connecting" | "lost" | "paused" | "waiting";
  since?: Maybe<number>;
  catch_up?: Maybe<"live_first" | "in_order">;
  lag_s?: Maybe<number>;
  lag_samples?: Maybe<number>;
  backlog?: Maybe<{ from?: Maybe<number>; to?: Maybe<number>; remaining?: Maybe<number> }>;
  rate_per_s?: Maybe<number>;
  sent?: Maybe<number>;
  last_ack?: Maybe<number>;
  outage_hours?: Maybe<number>;
  rejects?: Maybe<number>;
  letters?: Maybe<{ waiting?: Maybe<number>; resent?: Maybe<number>; dropped?: Maybe<number>; fallen_out?: Maybe<number> }>;
  replay?: Maybe<Replay>;
  late?: Maybe<number>;
  proof?: Maybe<{ every_s?: Maybe<number>; found: number; gone: number; last?: Maybe<number>; trouble?: Maybe<string> }>;
  skipped: { range?: Maybe<string>; count?: Maybe<number>; time?: Maybe<number> }[];
  commands?: Maybe<"off" | "on">;
  last_error?: Maybe<LastError>;
  security?: Maybe<Security>;
}
/** Exactly what a destination sends, in one version. */
export interface DestinationSchema {
  destination: string;
  kind: string;
  version: number;
  since: number;
  until?: Maybe<number>;
  format: string;
  messages: { of: string; place: string; key: string; media: string; language: string; schema: string; note: string }[];
  versions: { version: number; since: number; until?: Maybe<number> }[];
  forgotten?: Maybe<number>;
}
export interface Replay {
  from: number;
  to: number;
  done: number;
  sent: number;
  finished?: Maybe<number>;
  trouble?: Maybe<string>;
}
export interface Reject {
  id: number;
  position: string;
  path?: Maybe<string>;
  reason: string;
  time?: Maybe<number>;
  trouble?: Maybe<string>;
}

export type EventKind = "alarm" | "finding" | "fault" | "interval" | "change";
export interface PlantEvent {
  id: string;
  revision?: Maybe<number>;
  kind: EventKind;
  source?: Maybe<string>;
  start?: Maybe<number>;
  end?: Maybe<number>;
  severity: number;
  state?: Maybe<"active" | "cleared" | "acknowledged" | "info">;
  title: string;
  text?: Maybe<string>;
  next?: Maybe<string>;
  refs: string[];
}
export interface EventPage {
  events: PlantEvent[];
  next: string | null;
}

export interface QueryTables {
  tables: { name: string; text?: Maybe<string>; columns: { name: string; type?: Maybe<string>; text?: Maybe<string> }[] }[];
  functions: { name: string; text?: Maybe<string> }[];
  examples: { title: string; sql: string }[];
  /** Where other tools ask the same tables, if SQL is offered to them. */
  address?: Maybe<string>;
  /** Where they ask them in columns, by Arrow Flight SQL, if that is offered. */
  flight?: Maybe<string>;
}
export interface QueryResult {
  columns: { name: string; type: string }[];
  rows: Value[][];
  truncated: boolean;
  elapsed_ms: number;
  rows_scanned: number | null;
}

export interface AuditRecord {
  seq: number;
  time?: Maybe<number>;
  actor: string;
  action: string;
  object?: Maybe<string>;
  outcome?: Maybe<string>;
  detail?: Maybe<string | Record<string, unknown>>;
  hash?: Maybe<string>;
}
export interface AuditPage {
  records: AuditRecord[];
  next: number | string | null;
  chain: { records?: Maybe<number>; verified?: Maybe<boolean>; checked_at?: Maybe<number>; problem?: Maybe<string> };
}
export interface User {
  name: string;
  role: Role;
  disabled?: Maybe<boolean>;
  created?: Maybe<number>;
  last_sign_in?: Maybe<number>;
}
export interface Token {
  id: string;
  name: string;
  role: Role;
  prefix?: Maybe<string>;
  created?: Maybe<number>;
  expires?: Maybe<number>;
  last_used?: Maybe<number>;
}
export interface Secret {
  name: string;
  set_at?: Maybe<number>;
  used_by: string[];
}

export interface About {
  /** Addresses that the gateway listens on. */
  listeners: string[];
}
