import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatInteger, formatNumber, formatPercent, plural } from "./number";
import { passwordProblem } from "./password";
import { qualityWords } from "./quality";
import { severityWords } from "./severity";
import { formatAge, formatDuration, formatTime, fromLocalInput, toLocalInput, zoneName } from "./time";
import { formatUnit } from "./unit";
import { formatValue, numeric, shownValue } from "./value";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [0.1 + 0.2, "0.3"],
    [1234.5678, "1,234.57"],
    [123456789.12, "123,456,789"],
    [-0.00012345, "-0.00012345"],
    [1e-9, "1.000e-9"],
    [2.5e15, "2.500e15"],
    [Number.NaN, "not a number"],
    [Number.NEGATIVE_INFINITY, "-infinity"],
  ])("shows %s as %s", (n, text) => expect(formatNumber(n)).toBe(text));

  it("keeps every digit of a 64-bit counter that came as text", () => {
    expect(formatInteger("18446744073709551615")).toBe("18,446,744,073,709,551,615");
    expect(formatInteger(-42)).toBe("-42");
  });

  it("never rounds up to a full hundred per cent", () => {
    expect(formatPercent(99.97)).toBe("99.9 %");
    expect(formatPercent(100)).toBe("100 %");
    expect(formatPercent(99.94)).toBe("99.9 %");
    expect(formatPercent(null)).toBe("–");
  });

  it("counts and sizes", () => {
    expect(formatCount(undefined)).toBe("–");
    expect(formatBytes(999)).toBe("999 B");
    expect(formatBytes(1_536_000)).toBe("1.54 MB");
    expect(plural(1, "point")).toBe("1 point");
    expect(plural(2000, "point")).toBe("2,000 points");
  });
});

describe("times, in Europe/Berlin", () => {
  const noon = Date.UTC(2026, 0, 15, 11, 0, 0, 250);
  it("uses the reader's zone and leaves out today", () => {
    expect(formatTime(noon, { millis: true })).toBe("2026-01-15 12:00:00.250");
    expect(formatTime(noon, { now: noon + 1000 })).toBe("12:00:00");
    expect(formatTime(noon, { now: noon + 86_400_000 })).toBe("2026-01-15 12:00:00");
    expect(formatTime(null)).toBe("–");
    expect(zoneName(noon)).toBe("CET");
  });
  it.each([
    [0, "0 s"],
    [0.0123, "12 ms"],
    [2.54, "2.5 s"],
    [59, "59 s"],
    [125, "2 min 5 s"],
    [725, "12 min"],
    [7500, "2 h 5 min"],
    [273600, "3 d 4 h"],
    [31_536_000 * 2, "2 y"],
  ])("%s seconds are %s", (s, text) => expect(formatDuration(s)).toBe(text));
  it("says when a stamp comes from the future", () => {
    expect(formatAge(noon + 65_000, noon)).toBe("1 min 5 s ahead");
    expect(formatAge(noon - 400, noon)).toBe("now");
    expect(formatAge(noon - 65_000, noon)).toBe("1 min 5 s ago");
  });
  it("survives the way through an input field", () => {
    expect(fromLocalInput(toLocalInput(noon))).toBe(noon - 250);
    expect(fromLocalInput("nonsense")).toBeNull();
  });
});

describe("values", () => {
  it("prefers the state word, then the type", () => {
    expect(formatValue(1, "i64", { "1": "Execute" })).toBe("Execute");
    expect(formatValue(true, "bool", { "0": "Shut", "1": "Open" })).toBe("Open");
    expect(formatValue(false, "bool")).toBe("false");
    expect(formatValue("9007199254740993", "u64")).toBe("9,007,199,254,740,993");
    expect(formatValue(null, "f64")).toBe("no value");
  });
  it("keeps the last good value of a bad point", () => {
    const last_good = { value: 7, time: 5 };
    expect(shownValue({ value: null, good: false, time: 9, last_good })).toEqual({ value: 7, time: 5, kept: true });
    expect(shownValue({ value: 8, good: false, time: 9, last_good })).toEqual({ value: 8, time: 5, kept: true });
    expect(shownValue({ value: 8, good: true, time: 9, last_good })).toEqual({ value: 8, time: 9, kept: false });
    expect(shownValue({ value: null, good: false })).toEqual({ value: null, time: undefined, kept: false });
  });
  it("takes an uncertain value as new", () => {
    const p = { value: 8, good: false, quality: "UncertainLastUsableValue", time: 9, last_good: { value: 7, time: 5 } };
    expect(shownValue(p)).toEqual({ value: 8, time: 9, kept: false });
  });
  it("finds the number behind a value", () => {
    expect([numeric(true), numeric("12"), numeric("Idle"), numeric(null)]).toEqual([1, 12, null, null]);
  });
  it("writes units the way people do", () => {
    expect(["Cel", "kW.h", "m3/h", "/min", "%", "1", "{bottles}/min", null].map(formatUnit)).toEqual([
      "°C",
      "kWh",
      "m³/h",
      "/min",
      "%",
      "",
      "/min",
      "",
    ]);
  });
});

describe("passwords", () => {
  it.each([
    ["short", "anna", false],
    ["aaaaaaaaaaaaaa", "anna", false],
    ["anna-is-me", "anna", false],
    ["correct horse battery", "anna", true],
    ["anna likes long sentences", "anna", true],
  ])("%s for %s: %s", (password, name, fine) => expect(passwordProblem(password, name) === null).toBe(fine));
});

describe("qualities and severities", () => {
  it("classifies unknown status names by their first word", () => {
    expect(qualityWords("BadTooManyMonitors")).toMatchObject({ class: "bad", short: "Bad too many monitors" });
    expect(qualityWords("UncertainSubNormal").class).toBe("uncertain");
    expect(qualityWords("", false).class).toBe("bad");
    expect(qualityWords("GoodLocalOverride").class).toBe("good");
  });
  it("has one word per band", () => {
    expect([1, 200, 400, 600, 800, 1000].map((s) => severityWords(s).word)).toEqual(["Info", "Low", "Medium", "High", "Critical", "Critical"]);
  });
});
