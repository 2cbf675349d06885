/** From the answer of /api/trend to what is drawn. Pure. */
import type { Trend } from "../api/types";

export type Numbers = (number | null)[];
/** Time, highest, lowest, line: one length. */
export type Columns = [number[], Numbers, Numbers, Numbers];
export interface Sample {
  time: number;
  value: number | null;
}

/** The time between two scans in ms, of "250ms" or "10s"; null for points that come by themselves. */
export function periodOf(scan: string | null | undefined): number | null {
  const [, count, unit] = /^(\d+)(ms|s)$/.exec(scan ?? "") ?? [];
  return count ? Number(count) * (unit === "s" ? 1000 : 1) : null;
}

/** Shorter silences are no gap. */
const LEAST_GAP_MS = 3000;

/** Nothing was recorded for several scans, as while the gateway was off: no line is drawn across. */
function withGaps([x, high, low, y]: Columns, period: number, bucket: number | null): Columns {
  const steps = x.slice(1).map((time, i) => time - (x[i] ?? time)).sort((a, b) => a - b);
  // Older samples may have come at another period.
  const usual = bucket === null ? (steps[steps.length >> 1] ?? 0) : 0;
  const most = Math.max(LEAST_GAP_MS, 5 * period, 5 * usual, 2 * (bucket ?? 0));
  const out: Columns = [[], [], [], []];
  const row = (time: number, top: number | null, bottom: number | null, value: number | null) => {
    out[0].push(time);
    out[1].push(top);
    out[2].push(bottom);
    out[3].push(value);
  };
  x.forEach((time, i) => {
    const before = x[i - 1];
    if (before !== undefined && time - before > most) row(before + 1, null, null, null);
    row(time, high[i] ?? null, low[i] ?? null, y[i] ?? null);
  });
  return out;
}

/**
 * `tail` are live samples newer than the answer; `until` extends a held value to the present. `stepped` values (states,
 * counters) have no sensible average: their line is the last value of each bucket. `period` is the time between two scans in ms,
 * null for what comes by itself: only what is asked for can be missing.
 */
export function columnsOf(trend: Trend, tail: readonly Sample[], until: number | null, stepped = false, period: number | null = null): Columns {
  const n = trend.time.length;
  const average = stepped && trend.mode === "buckets" && trend.last.length === n ? trend.last : trend.avg;
  const line = average ?? (trend.mode === "raw" ? (trend.last.length === n ? trend.last : trend.min) : trend.last);
  const buckets = trend.mode === "buckets";
  const x = trend.time.slice();
  const high: Numbers = Array.from({ length: n }, (_, i) => (buckets ? (trend.max[i] ?? null) : null));
  const low: Numbers = Array.from({ length: n }, (_, i) => (buckets ? (trend.min[i] ?? null) : null));
  const y: Numbers = Array.from({ length: n }, (_, i) => line[i] ?? null);
  const push = (time: number, value: number | null) => {
    x.push(time);
    high.push(null);
    low.push(null);
    y.push(value);
  };
  const end = x[n - 1] ?? Number.NEGATIVE_INFINITY;
  // A live sample inside of the last bucket is in its average already.
  const after = end + (buckets ? (trend.bucket_ms ?? 0) : 0);
  for (const s of tail) if (s.time > after && s.time > (x[x.length - 1] ?? Number.NEGATIVE_INFINITY)) push(s.time, s.value);
  const all: Columns = [x, high, low, y];
  const drawn = period === null ? all : withGaps(all, period, buckets ? (trend.bucket_ms ?? 0) : null);
  const last = y[y.length - 1];
  const lastTime = x[x.length - 1];
  if (until !== null && last !== null && last !== undefined && lastTime !== undefined && until > lastTime && !buckets) {
    drawn[0].push(until);
    drawn[1].push(null);
    drawn[2].push(null);
    drawn[3].push(last);
  }
  return drawn;
}

export interface Stretch {
  from: number;
  to: number;
  /** How much of it is bad, above 0 up to 1. */
  share: number;
}

/** Stretches whose quality is not Good; neighbours with about the same share become one. */
export function badStretches(trend: Trend, until: number): Stretch[] {
  const out: Stretch[] = [];
  trend.time.forEach((from, i) => {
    const share = 1 - Math.min(1, Math.max(0, Number(trend.good[i] ?? 1)));
    if (share <= 0) return;
    const next = trend.time[i + 1] ?? until;
    const to = trend.mode === "buckets" ? Math.min(from + (trend.bucket_ms ?? 0), Math.max(next, from)) : next;
    const before = out[out.length - 1];
    if (before && before.to >= from && Math.abs(before.share - share) < 0.05) before.to = to;
    else if (to > from) out.push({ from, to, share });
  });
  return out;
}

export interface Summary {
  low: number | null;
  high: number | null;
  last: number | null;
  samples: number;
  goodShare: number | null;
}

/** The window in words, for those who do not see the picture and those in a hurry. */
export function summarise(trend: Trend): Summary {
  let low: number | null = null;
  let high: number | null = null;
  let last: number | null = null;
  let samples = 0;
  let good = 0;
  trend.time.forEach((_, i) => {
    const a = trend.min[i] ?? null;
    const b = trend.max[i] ?? null;
    const count = trend.count[i] ?? 1;
    samples += count;
    good += count * Number(trend.good[i] ?? 1);
    if (a !== null && (low === null || a < low)) low = a;
    if (b !== null && (high === null || b > high)) high = b;
    last = trend.last[i] ?? last;
  });
  return { low, high, last, samples, goodShare: samples > 0 ? good / samples : null };
}
