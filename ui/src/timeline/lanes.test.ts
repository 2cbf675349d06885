import { describe, expect, it } from "vitest";
import type { PlantEvent } from "../api/types";
import { axisTimes, draw, kindOf, laneOf, merge, sift, STEP, type Lane } from "./lanes";

const event = (e: Partial<PlantEvent> & { id: string }): PlantEvent => ({ kind: "fault", severity: 500, state: "info", title: e.id, refs: [], start: 1000, ...e });

describe("lanes", () => {
  it("tells the changes apart", () => {
    const lane = (id: string) => laneOf(event({ id, kind: "change" }));
    expect([lane("command/7f"), lane("lease/a/b/1"), lane("access/sign-in/1"), lane("apply/17"), lane("plain")]).toEqual(["command", "command", "access", "change", "change"]);
    expect(laneOf(event({ id: "command/1", kind: "finding" }))).toBe("finding");
  });
  it("asks the gateway for one kind only when one is enough", () => {
    expect(kindOf(new Set<Lane>(["command", "access"]))).toBe("change");
    expect(kindOf(new Set<Lane>(["alarm", "access"]))).toBe("");
    expect(kindOf(new Set())).toBe("");
  });
  it("sifts by lane and source", () => {
    const events = [event({ id: "a", source: "x" }), event({ id: "b", source: "y" }), event({ id: "c", kind: "alarm", source: "x" })];
    expect(sift(events, { lanes: new Set(), source: "" })).toHaveLength(3);
    expect(sift(events, { lanes: new Set<Lane>(["fault"]), source: "x" }).map((e) => e.id)).toEqual(["a"]);
  });
  it("keeps the newest revision of each, newest first", () => {
    const all = merge([event({ id: "a", revision: 1, start: 5 }), event({ id: "b", start: 9 })], [event({ id: "a", revision: 3, start: 5 })]);
    expect(all.map((e) => [e.id, e.revision])).toEqual([["b", undefined], ["a", 3]]);
  });
});

describe("the picture", () => {
  const window = { from: 0, to: 600_000 };
  it("joins what is too near to be told apart, and shows the worst", () => {
    const { marks } = draw([event({ id: "a", start: 1000, severity: 100 }), event({ id: "b", start: 1100, severity: 900 }), event({ id: "c", start: 300_000 })], window, 600);
    expect(marks).toEqual([
      { lane: "fault", x: 0, count: 2, shade: "grave", title: "b" },
      { lane: "fault", x: Math.floor(300 / STEP) * STEP, count: 1, shade: "normal", title: "c" },
    ]);
  });
  it("draws what lasts up to now, and what began before the window from its edge", () => {
    const { marks, bars } = draw([event({ id: "a", start: -50, state: "active" }), event({ id: "b", start: 60_000, end: 120_000 })], window, 600);
    expect(bars).toEqual([
      { lane: "fault", from: 0, to: 600, shade: "attention" },
      { lane: "fault", from: 60, to: 120, shade: "normal" },
    ]);
    expect(marks.map((m) => m.title)).toEqual(["b"]);
  });
  it("leaves out what is over before and what comes after", () => {
    expect(draw([event({ id: "a", start: -50, end: -10 }), event({ id: "b", start: 700_000 })], window, 600)).toEqual({ marks: [], bars: [] });
  });
  it("is coloured only by what lasts and nobody has seen", () => {
    const { marks } = draw([event({ id: "a", severity: 900 }), event({ id: "b", severity: 400, state: "active" }), event({ id: "c", start: 90_000, severity: 900, state: "acknowledged" })], window, 600);
    expect(marks.map((m) => [m.title, m.shade])).toEqual([["b", "attention"], ["c", "grave"]]);
  });
  it("never draws a mark outside", () => {
    const { marks } = draw([event({ id: "a", start: 600_000 })], window, 600);
    expect(marks[0] && marks[0].x <= 600 - STEP).toBe(true);
  });
});

describe("the axis", () => {
  it("has few lines, on whole steps of the reader's clock", () => {
    const day = 86_400_000;
    const from = Date.UTC(2026, 10, 22, 9, 17);
    const { step, times } = axisTimes({ from, to: from + day }, 8);
    expect(step).toBe(14_400_000);
    expect(times.length).toBeGreaterThan(4);
    expect(times.length).toBeLessThanOrEqual(8);
    for (const t of times) expect(new Date(t).getHours() % 4).toBe(0);
  });
});
