import { expect, test } from "vitest";
import { askOf, askProblems, EMPTY_ASK, words } from "./ask";
import { toBase64 } from "./base64";

const form = { ...EMPTY_ASK, targets: "10.0.0.0/24\n plc-1.local, 10.0.1.5", protocols: ["modbus", "s7"] };

test("entries may be parted by lines, commas or spaces", () => {
  expect(words(" a, b;c\n\nd ")).toEqual(["a", "b", "c", "d"]);
  expect(words("  \n")).toEqual([]);
});

test("what is not said is left to the gateway's careful defaults", () => {
  expect(askOf(form, ["modbus", "s7"])).toEqual({ targets: ["10.0.0.0/24", "plc-1.local", "10.0.1.5"], at_once: 16, timeout_ms: 1000, pause_ms: 100 });
  expect(askOf({ ...form, exclude: "10.0.0.9", units: "1, 17" }, ["modbus", "s7", "opcua"])).toEqual({
    targets: ["10.0.0.0/24", "plc-1.local", "10.0.1.5"],
    exclude: ["10.0.0.9"],
    protocols: ["modbus", "s7"],
    units: [1, 17],
    at_once: 16,
    timeout_ms: 1000,
    pause_ms: 100,
  });
});

test("a cable alone is enough to ask", () => {
  const cable = { ...form, targets: "", interface: " eth0 " };
  expect(askProblems(cable)).toEqual({});
  expect(askOf(cable, ["modbus", "s7"])).toMatchObject({ targets: [], interface: "eth0", listen_s: 35 });
  expect(askProblems({ ...cable, listen_s: "1" }).listen_s).toMatch(/3 to 120/);
  expect(askProblems({ ...cable, interface: "" }).targets).toMatch(/Say where to look/);
  expect(askProblems({ ...cable, interface: "eth0; rm" }).interface).toMatch(/e\.g\. eth0/);
});

test("other ports are read by protocol", () => {
  const asked = { ...form, ports: "modbus 1502, modbus:1503; s7=1102" };
  expect(askProblems(asked)).toEqual({});
  expect(askOf(asked, ["modbus", "s7"]).ports).toEqual({ modbus: [1502, 1503], s7: [1102] });
  expect(askProblems({ ...form, ports: "1502" }).ports).toMatch(/"1502" is not understood/);
  expect(askProblems({ ...form, ports: "modbus 70000" }).ports).toMatch(/65535/);
});

test("mistakes are said at their field", () => {
  expect(askProblems(form)).toEqual({});
  expect(Object.keys(askProblems({ ...form, targets: " ", protocols: [], units: "1 x", at_once: "0", timeout_ms: "", pause_ms: "1.5" }))).toEqual([
    "targets",
    "protocols",
    "units",
    "at_once",
    "timeout_ms",
    "pause_ms",
  ]);
  expect(askProblems({ ...form, units: "256" }).units).toMatch(/0 to 255/);
  expect(askProblems({ ...form, targets: "a ".repeat(65) }).targets).toMatch(/65 entries/);
});

test("bytes of any size survive base64", () => {
  const bytes = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) % 256);
  expect(Uint8Array.from(atob(toBase64(bytes)), (c) => c.charCodeAt(0))).toEqual(bytes);
  expect(toBase64(new Uint8Array())).toBe("");
});
