import { describe, expect, it } from "vitest";
import { checkWrite, confirmText, limitsText } from "./writeCheck";

const rule = { min: 0, max: 600, step: 50, confirm: "readback" };

describe("checking what was typed", () => {
  it.each([
    ["430", "f64", 430],
    ["430,5", "f64", 430.5],
    ["1e2", "f64", 100],
    ["true", "bool", true],
    ["007", "u64", 7],
    ["9007199254740993", "u64", "9007199254740993"],
    ["00FF", "bytes", "00FF"],
    ["", "text", ""],
  ] as const)("%s as %s", (text, type, value) => expect(checkWrite(text, type, null, null, "")).toEqual({ value, problem: null }));
  it.each([
    ["", "f64"],
    ["12 bar", "f64"],
    ["1.5", "i64"],
    ["-1", "u64"],
    ["on", "bool"],
    ["abc", "bytes"],
    ["1e999", "f64"],
  ] as const)("refuses %s as %s", (text, type) => expect(checkWrite(text, type, null, null, "").problem).not.toBeNull());
  it("holds the limits and the largest step", () => {
    expect(checkWrite("601", "f64", rule, 590, "/min").problem).toBe("The most allowed is 600 /min.");
    expect(checkWrite("-1", "f64", rule, 10, "/min").problem).toContain("least");
    expect(checkWrite("400", "f64", rule, 480, "/min").problem).toContain("at most 50 /min");
    expect(checkWrite("430", "f64", rule, 480, "/min").problem).toBeNull();
    expect(checkWrite("430", "f64", rule, null, "/min").problem).toBeNull();
  });
  it("puts the rule into words", () => {
    expect(limitsText(rule, "/min")).toBe("Allowed: at least 0 /min, at most 600 /min, at most 50 /min away from the present value in one write.");
    expect(limitsText(null, "")).toContain("no limits");
    expect(confirmText({ confirm: "a/b" })).toContain("a/b");
  });
});
