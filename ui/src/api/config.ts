/** The files of the plant: read, check, change key by key, save; then plan and apply. */
import { query, request } from "./http";
import type { Maybe } from "./types";

type Options = { signal?: AbortSignal | undefined };
const list = <X>(value: Maybe<X[]>): X[] => (Array.isArray(value) ? value : []);

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Sort = "plant" | "connection" | "destination" | "asset" | "type" | "list" | "measured";
export interface PlantFile {
  name: string;
  sort: Sort;
  bytes?: Maybe<number>;
  changed?: Maybe<number>;
}
export interface PlantFiles {
  folder: string;
  repository: Maybe<{ branch?: Maybe<string>; changed?: Maybe<number> }>;
  files: PlantFile[];
}
export interface FileText {
  name: string;
  sort: Sort;
  text: string;
  version: string;
  kind?: Maybe<string>;
  values: Json;
  schema: Json;
}
export interface FileKind {
  sort: "connection" | "destination" | "asset" | "type";
  name: string;
  title: string;
  sample: string;
}
export interface Edit {
  name: string;
  text: string | null;
  version: string | null;
}
export interface Mistake {
  file: string;
  line?: Maybe<number>;
  message: string;
  help?: Maybe<string>;
}
export interface FileChange {
  name: string;
  added?: Maybe<number>;
  removed?: Maybe<number>;
  diff: string;
}
export interface Findings {
  mistakes: Mistake[];
  changes: FileChange[];
}
export interface Saved {
  files: string[];
  commit?: Maybe<string>;
  remark?: Maybe<string>;
}
export interface KeyChange {
  path: string[];
  value: Json;
}
export interface PlanConnection {
  name: string;
  action: "open" | "close" | "change";
  points?: Maybe<{ added?: number; removed?: number; changed?: number; same?: number }>;
  paths: { path: string; what: string; text?: Maybe<string> }[];
  requests_per_s?: Maybe<NowThen>;
  /** Requests per second that the file allows. */
  budget?: Maybe<NowThen>;
  /** Of the budget; more than 1 does not fit. */
  share?: Maybe<NowThen>;
  /** Of the time that the line can be busy. */
  busy?: Maybe<NowThen>;
  notes: string[];
  /** What of a measurement it is planned by. */
  measured?: Maybe<string>;
}
export interface NowThen {
  now?: Maybe<number>;
  then?: Maybe<number>;
}
export interface PlanTotals {
  opened?: Maybe<number>;
  closed?: Maybe<number>;
  changed?: Maybe<number>;
  kept?: Maybe<number>;
  points?: Maybe<{ added?: number; removed?: number; changed?: number; same?: number }>;
  requests_per_s?: Maybe<NowThen>;
  rebirths?: Maybe<number>;
}
export interface ApplyPlan {
  mistakes: Mistake[];
  nothing: boolean;
  totals: Maybe<PlanTotals>;
  kept?: Maybe<{ connections?: number; destinations?: number }>;
  connections: PlanConnection[];
  destinations: { name: string; action: string; text?: Maybe<string> }[];
  rebirths: { name: string; text?: Maybe<string> }[];
  settings: string[];
  restart: string[];
  notes: string[];
  files: { file: string; diff: string }[];
}
export interface Applied {
  applied: boolean;
  rolled_back?: Maybe<boolean>;
  summary?: Maybe<string>;
  why?: Maybe<string>;
  notes: string[];
  took_ms?: Maybe<number>;
}

export const config = {
  kinds: async (o: Options = {}) => list((await request<{ kinds?: FileKind[] }>("GET", "/api/config/kinds", undefined, o)).kinds),
  files: async (o: Options = {}): Promise<PlantFiles> => {
    const raw = await request<Partial<PlantFiles>>("GET", "/api/config/files", undefined, o);
    return { folder: raw.folder ?? "", repository: raw.repository ?? null, files: list(raw.files) };
  },
  file: (name: string, o: Options = {}) => request<FileText>("GET", `/api/config/file${query({ name })}`, undefined, o),
  check: async (edits: Edit[]): Promise<Findings> => {
    const raw = await request<Partial<Findings>>("POST", "/api/config/check", { edits });
    return { mistakes: list(raw.mistakes), changes: list(raw.changes) };
  },
  /** `schema` follows the text: another `kind` has another one. */
  change: (name: string, text: string, set: KeyChange[]) => request<{ text: string; values: Json; schema: Json }>("POST", "/api/config/change", { name, text, set }),
  save: async (edits: Edit[]): Promise<Saved> => {
    const raw = await request<Partial<Saved>>("POST", "/api/config/save", { edits });
    return { ...raw, files: list(raw.files) };
  },
  plan: async (o: Options = {}): Promise<ApplyPlan> => {
    const raw = await request<Partial<ApplyPlan>>("GET", "/api/plan", undefined, o);
    return {
      mistakes: list(raw.mistakes),
      nothing: raw.nothing ?? false,
      totals: raw.totals ?? null,
      kept: raw.kept ?? null,
      connections: list(raw.connections).map((c) => ({ ...c, paths: list(c.paths), notes: list(c.notes) })),
      destinations: list(raw.destinations),
      rebirths: list(raw.rebirths),
      settings: list(raw.settings),
      restart: list(raw.restart),
      notes: list(raw.notes),
      files: list(raw.files),
    };
  },
  apply: async (): Promise<Applied> => {
    const raw = await request<Partial<Applied>>("POST", "/api/apply", {});
    return { ...raw, applied: raw.applied ?? false, notes: list(raw.notes) };
  },
};
