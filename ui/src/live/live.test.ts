import { describe, expect, it } from "vitest";
import { applyMessage, Interest, sameList, type LiveValue } from "./conflate";
import { SseParser } from "./sse";

describe("the event parser", () => {
  it("joins events that arrive in pieces", () => {
    const parser = new SseParser();
    expect(parser.push('event: values\nda')).toEqual([]);
    expect(parser.push('ta: {"v":[]}\n')).toEqual([]);
    expect(parser.push("\nevent: ping\ndata: {}\n\nevent: pi")).toEqual([
      { name: "values", data: '{"v":[]}' },
      { name: "ping", data: "{}" },
    ]);
  });
  it("takes CRLF, comments and several data lines", () => {
    expect(new SseParser().push(": hello\r\n\r\nevent: values\r\ndata: a\r\ndata: b\r\n\r\n")).toEqual([{ name: "values", data: "a\nb" }]);
  });
  it("refuses a stream that never ends an event", () => {
    const parser = new SseParser();
    expect(() => {
      for (let i = 0; i < 20; i += 1) parser.push("x".repeat(1024 * 1024));
    }).toThrow();
  });
});

describe("conflation", () => {
  const paths = ["a/x", "a/y"];
  it("keeps the newest value and names what changed", () => {
    const values = new Map<string, LiveValue>();
    expect([...applyMessage(values, paths, { v: [[0, 1, "Good", true, 10], [1, "on", "Good", true, 10]] })]).toEqual(paths);
    expect([...applyMessage(values, paths, { v: [[0, 1, "Good", true, 10], [1, "off", "Good", true, 20]] })]).toEqual(["a/y"]);
    expect(values.get("a/y")?.value).toBe("off");
  });
  it("keeps the value when the link is lost", () => {
    const values = new Map<string, LiveValue>();
    applyMessage(values, paths, { v: [[0, 42, "Good", true, 10]] });
    applyMessage(values, paths, { v: [[0, null, "BadCommunicationError", false, 12]] });
    expect(values.get("a/x")).toEqual({ value: 42, quality: "BadCommunicationError", good: false, time: 12 });
  });
  it("ignores rows it cannot place", () => {
    const values = new Map<string, LiveValue>();
    expect(applyMessage(values, paths, { v: [[7, 1, "Good", true, 1]] }).size).toBe(0);
    expect(applyMessage(values, paths, {}).size).toBe(0);
  });
});

describe("interest", () => {
  it("counts users of a path and bounds the list to the newest", () => {
    const interest = new Interest();
    for (const p of ["c", "a", "b", "a"]) interest.add(p);
    interest.remove("a");
    expect(interest.list(10)).toEqual(["a", "b", "c"]);
    interest.remove("a");
    expect(interest.has("a")).toBe(false);
    expect(interest.list(1)).toEqual(["b"]);
    expect(sameList(["a"], ["a"]) && !sameList(["a"], ["b"]) && !sameList([], ["b"])).toBe(true);
  });
});
