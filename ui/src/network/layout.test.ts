import { describe, expect, it } from "vitest";
import { CELL, layout, type Placed } from "./layout";

const plant = (n: number, zones: number): Placed[] =>
  Array.from({ length: n }, (_, i) => ({ id: `10.0.${i >> 8}.${i & 255}`, level: [0, 1, 1, 2, 3, null][i % 6] ?? null, zone: i % (zones + 1) === zones ? null : `line-${i % (zones + 1)}` }));

function overlaps(assets: Placed[]): number {
  const spots = [...layout(assets).spots.values()].sort((a, b) => a.y - b.y || a.x - b.x);
  return spots.filter((s, i) => {
    const next = spots[i + 1];
    return next && next.y === s.y && next.x - s.x < CELL.width - 1e-6;
  }).length;
}

describe("the map", () => {
  it("puts the office above the machines and the unknown below", () => {
    const { spots, bands } = layout([
      { id: "plc", level: 1, zone: "line-1" },
      { id: "hmi", level: 2, zone: "line-1" },
      { id: "erp", level: 4, zone: null },
      { id: "what", level: null, zone: null },
    ]);
    const y = (id: string) => spots.get(id)?.y ?? NaN;
    expect([y("erp"), y("hmi"), y("plc"), y("what")]).toEqual([y("erp"), y("hmi"), y("plc"), y("what")].sort((a, b) => a - b));
    expect(bands.map((b) => b.key)).toEqual([4, 2, 1, null]);
  });
  it("puts zones beside each other, by name, those without one last", () => {
    const { zones, spots } = layout([
      { id: "a", level: 1, zone: "line-10" },
      { id: "b", level: 1, zone: "line-2" },
      { id: "c", level: 1, zone: null },
    ]);
    expect(zones.map((z) => z.key)).toEqual(["line-2", "line-10", null]);
    for (const [id, zone] of [["b", 0], ["a", 1], ["c", 2]] as const) {
      const frame = zones[zone];
      const x = spots.get(id)?.x ?? NaN;
      expect(frame && x > frame.x && x < frame.x + frame.width).toBe(true);
    }
  });
  it("gives each of 500 assets a place of its own, on about the shape of a screen", () => {
    for (const zones of [0, 1, 4, 20]) {
      const assets = plant(500, zones);
      const { spots, width, height } = layout(assets);
      expect(spots.size).toBe(500);
      expect(overlaps(assets)).toBe(0);
      expect(width / height).toBeGreaterThan(0.8);
      expect(width / height).toBeLessThan(3.5);
    }
  });
  it("does not depend on the order of the answer", () => {
    const assets = plant(60, 3);
    expect([...layout(assets.toReversed()).spots].sort()).toEqual([...layout(assets).spots].sort());
  });
  it("takes nothing, and one", () => {
    expect(layout([]).spots.size).toBe(0);
    expect(layout([{ id: "a", level: null, zone: null }]).spots.get("a")).toBeDefined();
  });
});
