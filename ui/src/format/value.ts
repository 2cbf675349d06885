/** A point's value as text, and which value to show when the newest one is bad. */
import type { Maybe, PointType, Value } from "../api/types";
import { harmless } from "./foreign";
import { formatInteger, formatNumber } from "./number";

export function formatValue(value: Maybe<Value>, type: PointType, states?: Maybe<Record<string, string>>, state?: Maybe<string>): string {
  if (value === null || value === undefined) return "no value";
  const word = state || states?.[String(value)] || (typeof value === "boolean" ? states?.[value ? "1" : "0"] : undefined);
  if (word) return word;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (type === "i64" || type === "u64") return formatInteger(value);
  if (typeof value === "number") return formatNumber(value);
  if (type === "bytes" && value.length > 48) return `${value.slice(0, 48)}… (${value.length / 2} bytes)`;
  return value === "" ? "(empty text)" : harmless(value);
}

/** What to show: the newest value, or the last good one when the newest has none. `kept` says it is an old value. */
export function shownValue(p: {
  value: Value;
  good: boolean;
  quality?: string;
  time?: Maybe<number>;
  last_good?: Maybe<{ value: Value; time?: Maybe<number> }>;
}): {
  value: Value;
  time: Maybe<number>;
  kept: boolean;
} {
  // An uncertain value is a new one, only doubtful; a bad sample carries the value of an earlier one.
  const fresh = p.good || (p.quality ?? "").startsWith("Uncertain");
  if (p.value !== null && p.value !== undefined) return { value: p.value, time: fresh ? p.time : (p.last_good?.time ?? p.time), kept: !fresh };
  if (p.last_good) return { value: p.last_good.value, time: p.last_good.time, kept: true };
  return { value: null, time: p.time, kept: false };
}

/** The number behind a value, for drawing and comparing; null when it has none. */
export function numeric(value: Maybe<Value>): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return null;
}
