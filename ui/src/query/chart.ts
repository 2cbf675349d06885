/** Finds what can be drawn in the answer of a query: a time column, numbers, and perhaps a column that names the lines. Pure. */
import type { QueryResult, Value } from "../api/types";
import { numeric } from "../format/value";

export interface Chart {
  x: number[];
  lines: { name: string; y: (number | null)[] }[];
  /** More lines than can be told apart were left out. */
  left: number;
}

export const MAX_LINES = 8;

export const isTimeType = (type: string) => /time|date/i.test(type);
const isNumberType = (type: string) => /int|float|double|decimal|numeric|real|bigint|f64|f32|i64|u64/i.test(type);

/** Milliseconds of a cell: a number as it is, text as ISO 8601. */
export function timeOf(value: Value | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return null;
  // A stamp without a zone is UTC in the gateway, local in JavaScript.
  const text = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(value) ? `${value.replace(" ", "T")}Z` : value;
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
}

export function chartOf(result: QueryResult): Chart | null {
  const { columns, rows } = result;
  if (rows.length < 2) return null;
  const time = columns.findIndex((c) => isTimeType(c.type));
  if (time < 0) return null;
  const numbers = columns.map((_, i) => i).filter((i) => i !== time && isNumeric(result, i));
  if (numbers.length === 0) return null;
  const label = columns.findIndex((c, i) => i !== time && !numbers.includes(i) && !isTimeType(c.type) && rows.some((r) => typeof r[i] === "string"));

  const table = new Map<string, Map<number, number | null>>();
  const times = new Set<number>();
  for (const row of rows) {
    const t = timeOf(row[time]);
    if (t === null) continue;
    times.add(t);
    for (const i of numbers) {
      const column = columns[i]?.name ?? "";
      const name = label < 0 ? column : numbers.length > 1 ? `${String(row[label])} ${column}` : String(row[label]);
      let line = table.get(name);
      if (!line) table.set(name, (line = new Map()));
      line.set(t, numeric(row[i]));
    }
  }
  if (times.size < 2) return null;
  const x = [...times].sort((a, b) => a - b);
  const all = [...table.entries()];
  const lines = all.slice(0, MAX_LINES).map(([name, values]) => ({ name, y: x.map((t) => values.get(t) ?? null) }));
  return { x, lines, left: all.length - lines.length };
}

function isNumeric({ columns, rows }: QueryResult, i: number): boolean {
  if (isNumberType(columns[i]?.type ?? "")) return true;
  return !isTimeType(columns[i]?.type ?? "") && rows.length > 0 && rows.every((r) => r[i] === null || typeof r[i] === "number") && rows.some((r) => r[i] !== null);
}

/** Width of each column in characters, from its head and its first rows. */
export function columnWidths(head: readonly string[], cells: readonly (readonly string[])[]): number[] {
  return head.map((name, i) => Math.min(60, Math.max(7, name.length + 2, ...cells.slice(0, 60).map((r) => (r[i]?.length ?? 0) + 2))));
}

/** The part all names share up to a slash is said once, not on every line. */
export function shorten(names: readonly string[]): string[] {
  if (names.length < 2) return [...names];
  const split = names.map((n) => n.split("/"));
  let shared = 0;
  const least = Math.min(...split.map((s) => s.length)) - 1;
  while (shared < least && split.every((s) => s[shared] === split[0]?.[shared])) shared += 1;
  return split.map((s) => s.slice(shared).join("/"));
}
