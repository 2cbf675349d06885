/** Newest wins: merges messages of the live stream into a table of values, and says which paths changed. */
import type { Value } from "../api/types";

export interface LiveValue {
  value: Value;
  quality: string;
  good: boolean;
  time: number | null;
}
export type LiveRow = [index: number, value: Value, quality: string, good: boolean, time: number | null];
export interface LiveMessage {
  server_time?: number;
  v?: LiveRow[];
}

/**
 * Applies one message in place. A bad sample without a value keeps the value before it: a dead device never becomes 0 or empty.
 * An older sample never replaces a newer one of the same subscription.
 */
export function applyMessage(values: Map<string, LiveValue>, paths: readonly string[], message: LiveMessage): Set<string> {
  const changed = new Set<string>();
  for (const row of message.v ?? []) {
    if (!Array.isArray(row)) continue;
    const [index, value, quality, good, time] = row;
    const path = paths[index];
    if (path === undefined) continue;
    const before = values.get(path);
    const kept = value === null && !good && before ? before.value : (value ?? null);
    const stamp = time ?? null;
    if (before && before.value === kept && before.quality === quality && before.good === good && before.time === stamp) continue;
    values.set(path, { value: kept, quality: quality ?? "", good: good ?? false, time: stamp });
    changed.add(path);
  }
  return changed;
}

/** Counts who wants which path and gives the list to subscribe, bounded. */
export class Interest {
  private readonly counts = new Map<string, number>();

  add(path: string): void {
    this.counts.set(path, (this.counts.get(path) ?? 0) + 1);
  }
  remove(path: string): void {
    const n = (this.counts.get(path) ?? 0) - 1;
    if (n > 0) this.counts.set(path, n);
    else this.counts.delete(path);
  }
  has(path: string): boolean {
    return this.counts.has(path);
  }
  /** The newest interests win when there are more than the stream takes. */
  list(limit: number): string[] {
    const all = [...this.counts.keys()];
    return (all.length > limit ? all.slice(all.length - limit) : all).sort();
  }
}

export function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}
