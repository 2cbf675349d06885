import { expect, test } from "vitest";
import type { Json } from "../api/config";
import { fieldsOf, shown, typed, valueAt, type Field } from "./schema";

const SCHEMA: Json = {
  type: "object",
  required: ["host"],
  properties: {
    host: { type: "string", description: "Name or address" },
    port: { type: "integer", minimum: 1, maximum: 65535, default: 502 },
    timeout: { $ref: "#/$defs/Period", description: "How long to wait", default: "1s" },
    user: { type: ["string", "null"] },
    order: { $ref: "#/$defs/Order", default: "ABCD" },
    password: { anyOf: [{ $ref: "#/$defs/SecretRef" }, { type: "null" }] },
    retain: { type: "boolean", default: true },
    select: { type: "array", items: { type: "string" }, default: ["**"] },
    tls: { $ref: "#/$defs/Tls" },
    device: { type: "object", additionalProperties: { $ref: "#/$defs/Device" } },
    raw: { type: "array", items: { type: "number" } },
    range: { type: ["array", "null"], prefixItems: [{ type: "number" }, { type: "number" }] },
    classes: { type: "object", additionalProperties: { $ref: "#/$defs/Period" } },
  },
  $defs: {
    Period: { type: "string", format: "period" },
    Order: { oneOf: [{ const: "ABCD", description: "Big-endian." }, { enum: ["CDAB", "BADC"] }] },
    SecretRef: { type: "object", properties: { secret: { type: "string" } } },
    Tls: { type: "object", properties: { ca: { type: "string" } } },
    Device: { type: "object", properties: { unit: { type: "integer", default: 1 } } },
  },
};
const VALUES = { host: "10.0.0.1", password: { secret: "hq" }, select: ["a/**", "b"], device: { filler: { unit: 2 }, capper: {} } };
const fields = fieldsOf(SCHEMA, VALUES);
const field = (name: string): Field => fields.find((f) => f.name === name) as Field;

test("every key of the schema becomes a field of its sort", () => {
  expect(fields.map((f) => `${f.name} ${f.sort}`)).toEqual([
    "host text",
    "port number",
    "timeout text",
    "user text",
    "order choice",
    "password secret",
    "retain switch",
    "select list",
    "tls group",
    "device map",
    "raw free",
    "range numbers",
    "classes map",
  ]);
  expect(field("host").required).toBe(true);
  expect(field("timeout")).toMatchObject({ about: "How long to wait", fallback: "1s", hint: "250ms, 1s, 10min, 2h" });
  expect(field("order")).toMatchObject({ choices: [{ value: "ABCD", about: "Big-endian." }, { value: "CDAB" }, { value: "BADC" }], fallback: "ABCD" });
});

test("tables of names show what is there", () => {
  const device = field("device");
  expect(device.sort === "map" && device.entries.map((e) => [e.key, e.fields[0]?.path.join(".")])).toEqual([
    ["filler", "device.filler.unit"],
    ["capper", "device.capper.unit"],
  ]);
  expect(valueAt(VALUES, ["device", "filler", "unit"])).toBe(2);
  expect(valueAt(VALUES, ["device", "none", "unit"])).toBe(undefined);
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`d${i}`, {}]));
  expect(fieldsOf(SCHEMA, { device: many }).find((f) => f.name === "device")).toMatchObject({ count: 50, entries: [] });
});

test("a new entry knows what it must be", () => {
  const [device, classes] = [field("device"), field("classes")];
  expect(device.sort === "map" && device.entry.sort).toBe("group");
  expect(classes.sort === "map" && typed(classes.entry, "250ms")).toEqual({ value: "250ms", problem: null });
  expect(classes.sort === "map" && typed(classes.entry, "").problem).toBe("This one is needed.");
});

test("what is typed is checked before it is sent", () => {
  expect(typed(field("port"), "1502")).toEqual({ value: 1502, problem: null });
  expect(typed(field("port"), "0").problem).toBe("At least 1.");
  expect(typed(field("port"), "1.5").problem).toBe("Give a whole number.");
  expect(typed(field("host"), " ").problem).toBe("This one is needed.");
  expect(typed(field("user"), "")).toEqual({ value: null, problem: null });
  expect(typed(field("select"), "a/**\n b , c")).toEqual({ value: ["a/**", "b", "c"], problem: null });
  expect(typed(field("password"), "hq-db")).toEqual({ value: { secret: "hq-db" }, problem: null });
  expect(typed(field("password"), "p@ss word").problem).toMatch(/not the secret itself/);
  expect(typed(field("range"), "0, 27648")).toEqual({ value: [0, 27648], problem: null });
  expect(typed(field("range"), "0").problem).toMatch(/Give 2 numbers/);
  expect(typed(field("range"), "0, high").problem).toMatch(/Give 2 numbers/);
  expect(typed(field("retain"), "false")).toEqual({ value: false, problem: null });
});

test("a value stands in its field as it is typed", () => {
  expect(shown(field("password"), VALUES.password)).toBe("hq");
  expect(shown(field("select"), VALUES.select)).toBe("a/**\nb");
  expect(shown(field("range"), [0, 100])).toBe("0, 100");
  expect(shown(field("retain"), false)).toBe("false");
  expect(shown(field("host"), undefined)).toBe("");
});
