import { describe, expect, it } from "vitest";
import type { Trend } from "../api/types";
import { badStretches, columnsOf, periodOf, summarise } from "./series";
import { tickLabels } from "./ticks";
import { applyKey, followInterval, keyOf, MAX_SPAN, MIN_SPAN, pan, viewOf, windowOf, zoom } from "./zoom";

const NOW = 1_000_000_000_000;
const HOUR = 3_600_000;

describe("zooming in time", () => {
  it("keeps the place under the pointer", () => {
    const view = { span: HOUR, end: NOW - 10 * HOUR };
    const before = windowOf(view, NOW);
    const after = windowOf(zoom(view, 0.5, 0.25, NOW), NOW);
    expect(after.to - after.from).toBe(HOUR / 2);
    expect(after.from + 0.25 * (after.to - after.from)).toBeCloseTo(before.from + 0.25 * HOUR, 3);
  });
  it("never goes beyond the present, and follows it when it gets there", () => {
    expect(zoom({ span: HOUR, end: NOW - 60_000 }, 4, 0.5, NOW)).toEqual({ span: 4 * HOUR, end: null });
    expect(pan({ span: HOUR, end: NOW - HOUR / 10 }, 0.5, NOW)).toEqual({ span: HOUR, end: null });
  });
  it("stays live when zooming out or at the right edge, and leaves it when one looks elsewhere", () => {
    const live = { span: HOUR, end: null };
    expect(zoom(live, 2, 0.3, NOW).end).toBeNull();
    expect(zoom(live, 0.5, 1, NOW)).toEqual({ span: HOUR / 2, end: null });
    expect(zoom(live, 0.5, 0.2, NOW).end).toBeLessThan(NOW);
  });
  it("has bounds from a second to decades", () => {
    expect(zoom({ span: MIN_SPAN, end: 5 * HOUR }, 0.1, 0.5, NOW).span).toBe(MIN_SPAN);
    expect(zoom({ span: MAX_SPAN, end: null }, 10, 0.5, NOW).span).toBe(MAX_SPAN);
    expect(windowOf({ span: MAX_SPAN, end: HOUR }, NOW).from).toBe(0);
  });
  it("takes a drawn interval in either direction", () => {
    expect(viewOf(NOW - HOUR, NOW - 3 * HOUR, NOW)).toEqual({ span: 2 * HOUR, end: NOW - HOUR });
    expect(viewOf(NOW - HOUR, NOW + HOUR, NOW)).toEqual({ span: HOUR, end: null });
    expect(viewOf(5_000, 5_010, NOW)).toEqual({ span: MIN_SPAN, end: 6_000 });
  });
  it("moves by keys and comes back to live", () => {
    const left = applyKey({ span: HOUR, end: null }, "earlier", NOW);
    expect(left).toEqual({ span: HOUR, end: NOW - HOUR / 4 });
    expect(applyKey(left, "later", NOW)).toEqual({ span: HOUR, end: null });
    expect(applyKey(left, "live", NOW).end).toBeNull();
    expect(["+", "=", "-", "ArrowLeft", "l", "x"].map(keyOf)).toEqual(["in", "in", "out", "earlier", "live", null]);
  });
  it("asks seldom when much is on screen", () => {
    expect([followInterval(60_000), followInterval(HOUR), followInterval(MAX_SPAN)]).toEqual([1000, 9000, 60_000]);
  });
});

const raw = (time: number[], value: (number | null)[]): Trend => ({
  mode: "raw",
  bucket_ms: null,
  time,
  avg: value,
  min: value,
  max: value,
  first: value,
  last: value,
  count: time.map(() => 1),
  good: value.map((v) => (v === null ? 0 : 1)),
});

describe("series", () => {
  it("draws raw samples as a line without band, gaps where bad", () => {
    expect(columnsOf(raw([1, 2, 3], [5, null, 6]), [], null)).toEqual([[1, 2, 3], [null, null, null], [null, null, null], [5, null, 6]]);
  });
  it("adds newer live samples once and holds the last value to the present", () => {
    const tail = [{ time: 2, value: 9 }, { time: 4, value: 7 }, { time: 4, value: 8 }];
    const [x, , , y] = columnsOf(raw([1, 2], [5, 6]), tail, 10);
    expect(x).toEqual([1, 2, 4, 10]);
    expect(y).toEqual([5, 6, 7, 7]);
  });
  it("does not hold a bad value", () => {
    expect(columnsOf(raw([1, 2], [5, null]), [], 10)[0]).toEqual([1, 2]);
  });
  it("draws no line across a time in which nothing was asked for", () => {
    const t = raw([0, 1000, 2000, 62_000, 63_000], [5, 6, 7, 1, 2]);
    expect(columnsOf(t, [], null, false, 1000)).toEqual([[0, 1000, 2000, 2001, 62_000, 63_000], new Array(6).fill(null), new Array(6).fill(null), [5, 6, 7, null, 1, 2]]);
    expect(columnsOf(t, [], 64_000, false, 1000)[3]).toEqual([5, 6, 7, null, 1, 2, 2]);
    expect(columnsOf(t, [], null)[3], "what comes by itself holds").toEqual([5, 6, 7, 1, 2]);
    expect(columnsOf(raw([0, 10_000, 20_000], [1, 2, 3]), [], null, false, 250)[3], "it was read more slowly then").toEqual([1, 2, 3]);
    const buckets: Trend = { ...raw([0, 10_000, 50_000], [1, 2, 3]), mode: "buckets", bucket_ms: 10_000 };
    expect(columnsOf(buckets, [], null, false, 1000)[0]).toEqual([0, 10_000, 10_001, 50_000]);
  });
  it("knows the period of a scan", () => {
    expect(["250ms", "10s", "", null, undefined].map(periodOf)).toEqual([250, 10_000, null, null, null]);
  });
  it("shows the band of buckets", () => {
    const t: Trend = { ...raw([0, 10], [4, 5]), mode: "buckets", bucket_ms: 10, min: [1, 2], max: [8, 9] };
    expect(columnsOf(t, [{ time: 15, value: 1 }, { time: 25, value: 3 }], 30)).toEqual([
      [0, 10, 25],
      [8, 9, null],
      [1, 2, null],
      [4, 5, 3],
    ]);
  });
  it("draws the last state of a bucket, not an average of states", () => {
    const t: Trend = { ...raw([0, 10], [1.5, 2.5]), mode: "buckets", bucket_ms: 10, last: [2, 3] };
    expect(columnsOf(t, [], null, true)[3]).toEqual([2, 3]);
    expect(columnsOf(t, [], null, false)[3]).toEqual([1.5, 2.5]);
  });
  it("falls back when the gateway sends no averages", () => {
    expect(columnsOf({ ...raw([1], [5]), avg: null }, [], null)[3]).toEqual([5]);
  });
  it("merges bad neighbours and ends the last one at the present", () => {
    expect(badStretches(raw([1, 2, 3, 4], [1, null, null, 2]), 9)).toEqual([{ from: 2, to: 4, share: 1 }]);
    expect(badStretches(raw([1, 2], [1, null]), 9)).toEqual([{ from: 2, to: 9, share: 1 }]);
    const buckets: Trend = { ...raw([0, 10, 20], [1, 1, 1]), mode: "buckets", bucket_ms: 10, good: [1, 0.5, 0] };
    expect(badStretches(buckets, 99)).toEqual([
      { from: 10, to: 20, share: 0.5 },
      { from: 20, to: 30, share: 1 },
    ]);
  });
  it("says lowest, highest, last and the good share", () => {
    expect(summarise(raw([1, 2, 3, 4], [5, 3, 8, null]))).toEqual({ low: 3, high: 8, last: 8, samples: 4, goodShare: 0.75 });
    expect(summarise(raw([], []))).toEqual({ low: null, high: null, last: null, samples: 0, goodShare: null });
  });
});

describe("the time axis, in Europe/Berlin", () => {
  const midnight = Date.UTC(2026, 5, 30, 22);
  it("names the date where it changes", () => {
    expect(tickLabels([midnight - HOUR, midnight, midnight + HOUR], HOUR)).toEqual(["23:00\n2026-06-30", "00:00\n2026-07-01", "01:00"]);
    expect(tickLabels([midnight + 500], 500)).toEqual(["00:00:00.500\n2026-07-01"]);
    expect(tickLabels([midnight], 30 * 86_400_000)).toEqual(["2026-07"]);
    expect(tickLabels([midnight], 365 * 86_400_000)).toEqual(["2026"]);
  });
});
