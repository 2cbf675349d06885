/** Measuring what a device can take: a plan in numbers, a yes, a run, and a file to review. Only the save changes the plant folder. */
import { request } from "./http";
import type { Maybe } from "./types";

type Options = { signal?: AbortSignal | undefined };
const list = <X>(value: Maybe<X[]>): X[] => (Array.isArray(value) ? value : []);

export interface MeasurePlan {
  connection: string;
  endpoint?: Maybe<string>;
  devices: { name: string; unit?: Maybe<string>; touches?: Maybe<string> }[];
  requests_most?: Maybe<number>;
  packets_most: number;
  seconds_least?: Maybe<number>;
  seconds_most?: Maybe<number>;
  /** A running connection is paused meanwhile. */
  pauses?: Maybe<boolean>;
  sentence: string;
  /** When it was measured before, RFC 3339. */
  measured?: Maybe<string>;
}
export interface MeasureRun {
  id: string;
  who?: Maybe<string>;
  started?: Maybe<number>;
  ended?: Maybe<number>;
  state: "running" | "done" | "stopped" | "failed";
  plan: MeasurePlan;
  step?: Maybe<string>;
  packets_sent?: Maybe<number>;
  faults?: Maybe<number>;
  problem?: Maybe<string>;
  lines: { device: string; what: string; value: string; text?: Maybe<string> }[];
  file: string;
  text: string;
}

const plan = (p: MeasurePlan): MeasurePlan => ({ ...p, devices: list(p.devices) });
const run = (r: MeasureRun): MeasureRun => ({ ...r, plan: plan(r.plan), lines: list(r.lines) });

export const characterise = {
  plan: async (connection: string) => plan(await request<MeasurePlan>("POST", "/api/characterise/plan", { connection })),
  start: async (seen: MeasurePlan) => run(await request<MeasureRun>("POST", "/api/characterise", { ask: { connection: seen.connection }, packets_most: seen.packets_most })),
  runs: async (o: Options = {}) => list((await request<{ runs?: MeasureRun[] }>("GET", "/api/characterise", undefined, o)).runs).map(run),
  stop: (id: string) => request<unknown>("POST", `/api/characterise/${encodeURIComponent(id)}/stop`, {}),
};
