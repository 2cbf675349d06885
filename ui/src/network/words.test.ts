import { describe, expect, it } from "vitest";
import type { AssetRow } from "../api/monitor";
import { fits, identity, levelName, ordered, type AssetSieve } from "./words";

const asset = (a: Partial<AssetRow> & { id: string }): AssetRow => ({ name: "", addresses: [a.id], macs: [], role: "host", role_words: "host", level: null, zone: "", approved: true, serves: [], asks: [], findings: 0, ...a });
const ALL: AssetSieve = { text: "", protocol: "", zone: null, only: "" };

describe("assets in words", () => {
  it("names levels, those between and those nobody knows", () => {
    expect([levelName(1), levelName(3.5), levelName(null), levelName(7)]).toEqual(["1 Control (PLC)", "3.5 Between plant and office (DMZ)", "Level not known", "Level 7"]);
  });
  it("says what a device said, else who made its card", () => {
    expect(identity({ vendor: "Siemens", model: "1516-3", firmware: "2.9", card: "x" })).toBe("Siemens 1516-3, firmware 2.9");
    expect(identity({ card: "Moxa" })).toBe("network card by Moxa");
    expect(identity({})).toBe("");
  });
});

describe("the list of assets", () => {
  const list = [asset({ id: "10.0.0.10" }), asset({ id: "10.0.0.9", approved: false }), asset({ id: "10.0.0.2", findings: 1, worst: 700, name: "b" }), asset({ id: "10.0.0.3", findings: 1, worst: 900, name: "A", last: 5 })];
  const ids = (assets: AssetRow[]) => assets.map((a) => a.id.split(".").pop());
  it("begins with what needs someone", () => expect(ids(ordered(list, "urgent"))).toEqual(["3", "2", "9", "10"]));
  it("sorts addresses as numbers, names without case, no name last", () => {
    expect(ids(ordered(list, "address"))).toEqual(["2", "3", "9", "10"]);
    expect(ids(ordered(list, "name"))).toEqual(["3", "2", "9", "10"]);
    expect(ids(ordered(list, "last"))[0]).toBe("3");
  });
  it("is sifted by words, protocol, zone, and what stands out", () => {
    const a = asset({ id: "10.0.0.2", vendor: "Siemens", model: "S7-1500", serves: ["s7"], zone: "line-1", approved: false, live: false });
    expect(fits(a, ALL)).toBe(true);
    expect(fits(a, { ...ALL, text: "siem 1500" })).toBe(true);
    expect(fits(a, { ...ALL, text: "siem moxa" })).toBe(false);
    expect(fits(a, { ...ALL, protocol: "s7" }) && !fits(a, { ...ALL, protocol: "modbus" })).toBe(true);
    expect(fits(a, { ...ALL, zone: "line-1" }) && !fits(a, { ...ALL, zone: "" })).toBe(true);
    expect(fits(a, { ...ALL, only: "new" }) && fits(a, { ...ALL, only: "gone" }) && !fits(a, { ...ALL, only: "findings" })).toBe(true);
  });
});
