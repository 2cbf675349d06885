import { describe, expect, it } from "vitest";
import type { MapEdge, MapNode } from "../api/monitor";
import { boxText, edgeKey, levelOf, siftMap, type MapSieve } from "./sift";

const node = (id: string, n: Partial<MapNode> = {}): MapNode => ({ id, label: "", role: "host", level: null, zone: "", approved: true, serves: [], asks: [], findings: 0, ...n });
const edge = (client: string, server: string, e: Partial<MapEdge> = {}): MapEdge => ({ client, server, protocols: ["modbus"], findings: 0, ...e });
const map = {
  nodes: [node("hmi", { asks: ["modbus", "s7"], zone: "line-1" }), node("plc", { serves: ["modbus"], zone: "line-1", findings: 1, worst: 900 }), node("s7", { serves: ["s7"] }), node("pc", { asks: ["modbus"] })],
  edges: [edge("hmi", "plc"), edge("hmi", "s7", { protocols: ["s7"] }), edge("pc", "plc", { findings: 1, worst: 900 })],
  more: false,
};
const ALL: MapSieve = { text: "", protocol: "", zone: null, findings: false };
const shown = (sieve: Partial<MapSieve>) => {
  const { nodes, edges } = siftMap(map, { ...ALL, ...sieve });
  return [[...nodes].sort(), [...edges].sort()];
};

describe("filters of the map", () => {
  it("show all of it without any", () => expect(shown({})).toEqual([["hmi", "pc", "plc", "s7"], ["hmi>plc", "hmi>s7", "pc>plc"]]));
  it("by protocol: those who speak it, and only links that do", () => expect(shown({ protocol: "s7" })).toEqual([["hmi", "s7"], ["hmi>s7"]]));
  it("by finding: what is concerned, and who did it", () => expect(shown({ findings: true })).toEqual([["pc", "plc"], ["pc>plc"]]));
  it("by zone and words: with the other ends of their links", () => {
    expect(shown({ zone: "" })).toEqual([["hmi", "pc", "plc", "s7"], ["hmi>s7", "pc>plc"]]);
    expect(shown({ text: "pc" })).toEqual([["pc", "plc"], ["pc>plc"]]);
    expect(siftMap(map, { ...ALL, text: "PC" }).matched.map((n) => n.id)).toEqual(["pc"]);
  });
});

describe("boxes", () => {
  it("are coloured only by open findings", () => {
    expect([levelOf({ findings: 0, worst: 900 }), levelOf({ findings: 1, worst: 900 }), levelOf({ findings: 2, worst: 450 })]).toEqual(["normal", "alarm", "attention"]);
  });
  it("hold two short lines, and an address once", () => {
    expect(boxText({ id: "10.0.0.1", label: "Filler PLC" })).toBe("Filler PLC\n10.0.0.1");
    expect(boxText({ id: "10.0.0.1", label: "10.0.0.1" })).toBe("10.0.0.1");
    expect(boxText({ id: "10.0.0.1", label: "x".repeat(99) }).split("\n")[0]).toHaveLength(20);
  });
  it("name an edge by its ends", () => expect(edgeKey(edge("a", "b"))).toBe("a>b"));
});
