import { describe, expect, it } from "vitest";
import type { TreeChild } from "../api/types";
import { ancestors, arrow, flatten, shownPrefixes, type Children } from "./flatten";

const folder = (path: string): TreeChild => ({ segment: path.split("/").pop() ?? "", path, kind: "folder", points: 1, bad: 0 });
const point = (path: string): TreeChild => ({ ...folder(path), kind: "point" });
const ready = (...children: TreeChild[]): Children => ({ state: "ready", children });

const loaded = new Map<string, Children>([
  ["", ready(folder("a"), folder("b"))],
  ["a", ready(folder("a/x"), point("a/p"))],
  ["a/x", ready()],
]);
const shown = (open: string[]) => flatten("", loaded, new Set(open)).map((r) => `${r.depth}${r.kind === "node" ? "" : r.kind}:${r.path}`);

describe("flattening", () => {
  it("shows only opened branches, in order", () => {
    expect(shown([])).toEqual(["1:a", "1:b"]);
    expect(shown(["a"])).toEqual(["1:a", "2:a/x", "2:a/p", "1:b"]);
  });
  it("says when a branch is empty, loading or failed", () => {
    expect(shown(["a", "a/x"])).toContain("3empty:a/x");
    expect(shown(["b"])).toContain("2loading:b");
    const failed = new Map(loaded).set("b", { state: "error", error: 1 });
    expect(flatten("", failed, new Set(["b"])).at(-1)).toMatchObject({ kind: "error", depth: 2, error: 1 });
  });
  it("an open branch inside a closed one stays hidden", () => {
    expect(shown(["a/x"])).toEqual(["1:a", "1:b"]);
  });
  it("knows which opened branches are on screen", () => {
    expect(shownPrefixes(new Set(["", "a", "a/x", "b/y", "b/y/z"]))).toEqual(["a", "a/x"]);
  });
  it("gives place and size of the family for screen readers", () => {
    expect(flatten("", loaded, new Set())[1]).toMatchObject({ position: 2, size: 2 });
  });
  it("takes a hundred thousand points in one folder within a frame or two", () => {
    const many = new Map<string, Children>([["", ready(...Array.from({ length: 100_000 }, (_, i) => point(`p${i}`)))]]);
    expect(flatten("", many, new Set())).toHaveLength(100_000);
  });
});

describe("arrow keys", () => {
  const rows = flatten("", loaded, new Set(["a"]));
  it.each([
    ["ArrowDown", "a", { to: "a/x" }],
    ["ArrowDown", "b", { to: "b" }],
    ["ArrowDown", "", { to: "a" }],
    ["ArrowUp", "a/x", { to: "a" }],
    ["Home", "b", { to: "a" }],
    ["End", "a", { to: "b" }],
    ["PageDown", "a", { to: "a/p" }],
    ["ArrowRight", "a", { to: "a/x" }],
    ["ArrowRight", "b", { open: "b" }],
    ["ArrowRight", "a/p", null],
    ["ArrowLeft", "a", { close: "a" }],
    ["ArrowLeft", "a/p", { to: "a" }],
    ["ArrowLeft", "b", null],
    ["x", "a", null],
  ])("%s on %s", (key, active, move) => expect(arrow(key, rows, active, 2)).toEqual(move));
  it("knows the way down to a path", () => expect(ancestors("a/b/c")).toEqual(["a", "a/b", "a/b/c"]));
});
