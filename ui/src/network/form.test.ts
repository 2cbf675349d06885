import { describe, expect, it } from "vitest";
import { toLocalInput } from "../format/time";
import { assetChange, muteOf, workOf } from "./form";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22, 12);

describe("what a person says of an asset", () => {
  const before = { name: "PLC", zone: "line-1", level: "1", note: "" };
  it("sends only what changed", () => {
    expect(assetChange(before, before).change).toEqual({});
    expect(assetChange(before, { ...before, name: " Filler PLC ", note: "spare in shelf 3" }).change).toEqual({ name: "Filler PLC", note: "spare in shelf 3" });
  });
  it("goes back to what is guessed by leaving it empty", () => {
    expect(assetChange(before, { ...before, zone: "", level: "" }).change).toEqual({ zone: null, level: null });
    expect(assetChange({ ...before, level: "" }, { ...before, level: "3.5" }).change).toEqual({ level: 3.5 });
  });
  it("says what cannot be", () => {
    expect(assetChange(before, { ...before, zone: "line 1/a" }).problems.zone).toMatch(/line-1/);
    expect(assetChange(before, { ...before, name: "x".repeat(65) }).problems.name).toBeDefined();
  });
});

describe("muting", () => {
  it("needs a reason and an end", () => {
    expect(Object.keys(muteOf({ reason: " ", until: "" }, NOW).problems)).toEqual(["reason", "until"]);
    expect(muteOf({ reason: "scanner", until: toLocalInput(NOW - 1000) }, NOW).problems.until).toMatch(/over/);
    expect(muteOf({ reason: "scanner", until: toLocalInput(NOW + 400 * DAY) }, NOW).problems.until).toMatch(/year/);
    expect(muteOf({ reason: " scanner ", until: toLocalInput(NOW + DAY) }, NOW)).toEqual({ reason: "scanner", until: NOW + DAY, problems: {} });
  });
});

describe("expected work", () => {
  it("needs who, what, until when and why", () => {
    const form = { who: "", ticket: "", until: toLocalInput(NOW + 8 * DAY), note: "", assets: [] };
    expect(Object.keys(workOf(form, NOW).problems).sort()).toEqual(["assets", "ticket", "until", "who"]);
    expect(workOf({ who: "Kuhn Automation", ticket: "CHG-1", until: toLocalInput(NOW + DAY), note: "", assets: ["10.0.0.2"] }, NOW)).toEqual({
      window: { who: "Kuhn Automation", ticket: "CHG-1", note: "", until: NOW + DAY, assets: ["10.0.0.2"] },
      problems: {},
    });
  });
});
