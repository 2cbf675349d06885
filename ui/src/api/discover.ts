/** Discovery and imports: what is asked, what was found, drafts. Nothing here changes the plant folder. */
import { request } from "./http";
import type { Maybe } from "./types";

type Options = { signal?: AbortSignal | undefined };
const list = <X>(value: Maybe<X[]>): X[] => (Array.isArray(value) ? value : []);
const enc = encodeURIComponent;

export interface Ask {
  targets: string[];
  exclude?: string[];
  protocols?: string[];
  ports?: Record<string, number[]>;
  units?: number[];
  at_once?: number;
  timeout_ms?: number;
  pause_ms?: number;
  interface?: string;
}
export interface Protocol {
  name: string;
  title: string;
  port: number;
  transport: "tcp" | "udp";
  asks: string;
}
export interface Profile {
  name: string;
  title: string;
  vendor?: Maybe<string>;
  models?: Maybe<string | string[]>;
  points?: Maybe<number>;
  source?: Maybe<string>;
}
export interface PlanProtocol {
  name: string;
  title: string;
  transport?: Maybe<string>;
  ports: number[];
  addresses?: Maybe<number>;
  packets_least?: Maybe<number>;
  packets_most?: Maybe<number>;
  asks?: Maybe<string>;
}
export interface ScanPlan {
  addresses: number;
  at_once?: Maybe<number>;
  packets_least?: Maybe<number>;
  packets_most: number;
  packets_per_address_most?: Maybe<number>;
  seconds_least?: Maybe<number>;
  seconds_most?: Maybe<number>;
  sentence: string;
  protocols: PlanProtocol[];
  skipped: { address: string; why: string; connection?: Maybe<string> }[];
}
export interface Found {
  index: number;
  protocol: string;
  title?: Maybe<string>;
  address: string;
  port?: Maybe<number>;
  hardware?: Maybe<string>;
  where?: Maybe<string>;
  vendor?: Maybe<string>;
  model?: Maybe<string>;
  firmware?: Maybe<string>;
  serial?: Maybe<string>;
  name?: Maybe<string>;
  details: { name: string; value: string }[];
  security?: Maybe<string>;
  profile?: Maybe<string>;
  can_draft?: Maybe<boolean>;
}
export interface NetworkScan {
  id: string;
  who?: Maybe<string>;
  started?: Maybe<number>;
  ended?: Maybe<number>;
  state: "running" | "done" | "stopped";
  plan: ScanPlan;
  addresses_done?: Maybe<number>;
  addresses_total?: Maybe<number>;
  packets_sent?: Maybe<number>;
  found: Found[];
  remarks: { address?: Maybe<string>; protocol?: Maybe<string>; text: string }[];
  faults?: Maybe<number>;
  backed_off?: Maybe<number>;
}
export interface Draft {
  file: string;
  text: string;
  tags?: Maybe<number>;
  notes: { line?: Maybe<number>; text: string }[];
  mistakes?: Maybe<string>;
  /** Files that belong to it: a model becomes one for each type and each asset. */
  others: { file: string; text: string }[];
}
export interface ImportFormat {
  name: string;
  title: string;
  files?: Maybe<string>;
  text?: Maybe<string>;
  kinds: string[];
}

const plan = (p: ScanPlan): ScanPlan => ({ ...p, protocols: list(p.protocols).map((x) => ({ ...x, ports: list(x.ports) })), skipped: list(p.skipped) });
const scan = (s: NetworkScan): NetworkScan => ({
  ...s,
  plan: plan(s.plan),
  found: list(s.found).map((f) => ({ ...f, details: list(f.details) })),
  remarks: list(s.remarks),
});
export const draft = (d: Draft): Draft => ({ ...d, notes: list(d.notes), others: list(d.others) });

export const discovery = {
  protocols: async (o: Options = {}): Promise<{ protocols: Protocol[]; profiles: Profile[] }> => {
    const raw = await request<{ protocols?: Protocol[]; profiles?: Profile[] }>("GET", "/api/discover/protocols", undefined, o);
    return { protocols: list(raw.protocols), profiles: list(raw.profiles) };
  },
  plan: async (ask: Ask) => plan(await request<ScanPlan>("POST", "/api/discover/plan", ask)),
  start: async (ask: Ask, packets_most: number) => scan(await request<NetworkScan>("POST", "/api/discover", { ask, packets_most })),
  scans: async (o: Options = {}) => list((await request<{ scans?: NetworkScan[] }>("GET", "/api/discover", undefined, o)).scans).map(scan),
  scan: async (id: string, o: Options = {}) => scan(await request<NetworkScan>("GET", `/api/discover/${enc(id)}`, undefined, o)),
  stop: (id: string) => request<unknown>("POST", `/api/discover/${enc(id)}/stop`, {}),
  draft: async (id: string, what: { index: number; name?: string; profile?: string }) =>
    draft(await request<Draft>("POST", `/api/discover/${enc(id)}/draft`, what)),
  formats: async (o: Options = {}) =>
    list((await request<{ formats?: ImportFormat[] }>("GET", "/api/import/formats", undefined, o)).formats).map((f) => ({ ...f, kinds: list(f.kinds) })),
  /** Signs in to the device of a connection file and drafts all its tags. */
  browse: async (what: { file: string; text: string }) => draft(await request<Draft>("POST", "/api/browse", what)),
  import: async (what: { format: string; file: string; data: string; kind?: string; name?: string; host?: string }) =>
    draft(await request<Draft>("POST", "/api/import", what)),
};
