import { describe, expect, it } from "vitest";
import { harmless, harmlessDeep, shorten } from "./foreign";

describe("text from packets", () => {
  it("cannot turn the direction, hide or steer", () => {
    expect(harmless("PLC\u202Egpj.exe")).toBe("PLC·gpj.exe");
    expect(harmless("a\u200Bb\u0007c\u{E0041}d\u2066e")).toBe("a·b·c·d·e");
    expect(harmless("\u001b[2J")).toBe("·[2J");
  });
  it("keeps what people write", () => {
    for (const text of ["Müller Füller 3", "مضخة", "<script>alert(1)</script>", "two\nlines", "水泵"]) expect(harmless(text)).toBe(text);
  });
  it("is cleaned wherever it stands in an answer", () => {
    expect(harmlessDeep({ a: ["x\u202Ey", 1, null], b: { c: "\u2028" }, d: true })).toEqual({ a: ["x·y", 1, null], b: { c: "·" }, d: true });
  });
  it("is cut between signs, not inside one", () => {
    expect(shorten("abcdef", 6)).toBe("abcdef");
    expect(shorten("ab😀def", 4)).toBe("ab😀…");
  });
});
