/** Commands in flight and past, approvals, and the right to write an asset for a time. */
import { query, request } from "./http";
import type { Maybe, Outcome, Role, Value } from "./types";

type Options = { signal?: AbortSignal | undefined };
const list = <X>(value: Maybe<X[]>): X[] => (Array.isArray(value) ? value : []);

export interface May {
  allowed: boolean;
  why: string;
}
export interface Step {
  time?: Maybe<number>;
  who?: Maybe<string>;
  what: string;
  text?: Maybe<string>;
}
export interface Command {
  id: string;
  path: string;
  name?: Maybe<string>;
  unit?: Maybe<string>;
  value: Value;
  before?: Maybe<Value>;
  who: string;
  reason?: Maybe<string>;
  asked?: Maybe<number>;
  expires?: Maybe<number>;
  ended?: Maybe<number>;
  state: "waiting" | "queued" | "sending" | "done";
  outcome?: Maybe<Outcome>;
  why?: Maybe<string>;
  readback?: Maybe<Value>;
  took_ms?: Maybe<number>;
  approval?: Maybe<{ role: Role; by?: Maybe<string> }>;
  steps: Step[];
  may?: Maybe<{ approve?: Maybe<May>; cancel?: Maybe<May> }>;
}
export interface Lease {
  path: string;
  holder: string;
  since?: Maybe<number>;
  until?: Maybe<number>;
  reason?: Maybe<string>;
  mine?: Maybe<boolean>;
  may_release?: Maybe<boolean>;
}

const command = (c: Command): Command => ({ ...c, steps: list(c.steps) });

export const commands = {
  list: async (p: { state: "open" | "done"; path?: string; limit?: number }, o: Options = {}) =>
    list((await request<{ commands?: Command[] }>("GET", `/api/commands${query(p)}`, undefined, o)).commands).map(command),
  /** Those under way first, then those that ended. */
  every: async (p: { limit: number }, o: Options = {}) => list((await request<{ commands?: Command[] }>("GET", `/api/commands${query(p)}`, undefined, o)).commands).map(command),
  one: async (id: string, o: Options = {}) => command(await request<Command>("GET", `/api/command${query({ id })}`, undefined, o)),
  approve: (id: string, reason: string) => request<Command>("POST", "/api/commands/approve", { id, reason }),
  deny: (id: string, reason: string) => request<Command>("POST", "/api/commands/deny", { id, reason }),
  cancel: (id: string) => request<Command>("POST", "/api/commands/cancel", { id }),
  leases: async (o: Options = {}) => list((await request<{ leases?: Lease[] }>("GET", "/api/leases", undefined, o)).leases),
  lease: (path: string, minutes: number, reason: string) => request<Lease>("POST", "/api/leases", { path, minutes, reason }),
  release: (path: string) => request<unknown>("POST", "/api/leases/release", { path }),
};
