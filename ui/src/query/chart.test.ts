import { describe, expect, it } from "vitest";
import type { QueryResult, Value } from "../api/types";
import { chartOf, columnWidths, shorten, timeOf } from "./chart";

const result = (columns: [string, string][], rows: Value[][]): QueryResult => ({
  columns: columns.map(([name, type]) => ({ name, type })),
  rows,
  truncated: false,
  elapsed_ms: 1,
  rows_scanned: null,
});

describe("what can be drawn", () => {
  it("makes a line of every number, in order of time", () => {
    expect(chartOf(result([["t", "timestamp"], ["a", "double"], ["b", "bigint"]], [[2, 1.5, 7], [1, null, 8]]))).toEqual({
      x: [1, 2],
      lines: [
        { name: "a", y: [null, 1.5] },
        { name: "b", y: [8, 7] },
      ],
      left: 0,
    });
  });
  it("makes a line of every name in a text column", () => {
    const chart = chartOf(result([["time", "Timestamp(ns)"], ["path", "text"], ["v", "double"]], [[1, "x", 1], [1, "y", 2], [2, "x", 3]]));
    expect(chart?.lines).toEqual([
      { name: "x", y: [1, 3] },
      { name: "y", y: [2, null] },
    ]);
  });
  it("draws no more lines than one can tell apart", () => {
    const rows = Array.from({ length: 40 }, (_, i): Value[] => [i % 2, `p${i >> 1}`, i]);
    expect(chartOf(result([["t", "timestamp"], ["p", "text"], ["v", "double"]], rows))).toMatchObject({ left: 12 });
  });
  it("has nothing to draw without time, numbers or a second row", () => {
    expect(chartOf(result([["a", "double"]], [[1], [2]]))).toBeNull();
    expect(chartOf(result([["t", "timestamp"], ["s", "text"]], [[1, "a"], [2, "b"]]))).toBeNull();
    expect(chartOf(result([["t", "timestamp"], ["a", "double"]], [[1, 2]]))).toBeNull();
  });
  it("reads times as numbers and as text, without a zone as UTC", () => {
    expect([timeOf(5), timeOf("1970-01-01T00:00:01Z"), timeOf("1970-01-01 00:00:01"), timeOf("x"), timeOf(null)]).toEqual([5, 1000, 1000, null, null]);
  });
  it("sizes columns and shortens names", () => {
    expect(columnWidths(["id", "a long heading"], [["1", "x"]])).toEqual([7, 16]);
    expect(shorten(["a/b/c/speed", "a/b/d/speed"])).toEqual(["c/speed", "d/speed"]);
    expect(shorten(["a/b"])).toEqual(["a/b"]);
  });
});
