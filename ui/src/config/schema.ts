/** From the JSON schema of a kind of file to the fields of a form. Pure. */
import type { Json } from "../api/config";

type Obj = { [key: string]: Json };
const obj = (value: Json | undefined): Obj => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});
const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

interface Base {
  path: string[];
  name: string;
  about: string;
  required: boolean;
  /** What holds while nothing is written; as text. */
  fallback: string;
}
export type Field =
  | (Base & { sort: "text"; hint: string })
  | (Base & { sort: "number"; whole: boolean; min: number | null; max: number | null })
  | (Base & { sort: "switch" })
  | (Base & { sort: "choice"; choices: { value: string; about: string }[] })
  | (Base & { sort: "list" })
  /** A fixed count of numbers, such as a range. */
  | (Base & { sort: "numbers"; count: number })
  | (Base & { sort: "secret" })
  /** A table with known keys. */
  | (Base & { sort: "group"; fields: Field[] })
  /** A table whose keys are names, such as devices. */
  | (Base & { sort: "map"; count: number; /** What one entry is. */ entry: Field; entries: { key: string; fields: Field[] }[] })
  /** Too free for a form: the text is the place for it. */
  | (Base & { sort: "free" });

/** Entries of a map shown as fields; more belong into the text or a spreadsheet. */
const MOST_ENTRIES = 20;
const DEEPEST = 8;

/** A schema with its references followed and "or nothing" taken away. */
function resolve(schema: Obj, root: Obj, depth = 0): Obj {
  if (depth > 10) return {};
  const ref = text(schema.$ref);
  const about: Obj = schema.description === undefined ? {} : { description: schema.description };
  const fallback: Obj = schema.default === undefined ? {} : { default: schema.default };
  if (ref.startsWith("#/$defs/")) return { ...resolve(obj(obj(root.$defs)[ref.slice(8)]), root, depth + 1), ...about, ...fallback };
  if (Array.isArray(schema.anyOf)) {
    const some = schema.anyOf.map(obj).filter((one) => one.type !== "null");
    if (some.length === 1 && some[0]) return { ...resolve(some[0], root, depth + 1), ...about, ...fallback };
  }
  if (Array.isArray(schema.type)) return { ...schema, type: schema.type.find((one) => one !== "null") ?? "null" };
  return schema;
}

function fallbackOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(String).join(", ");
  if (typeof value === "object") return "";
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

export function fieldsOf(schema: Json, values: Json, path: string[] = [], root: Obj = obj(schema)): Field[] {
  const required = Array.isArray(obj(schema).required) ? (obj(schema).required as Json[]) : [];
  return Object.entries(obj(obj(schema).properties)).map(([name, one]) => fieldOf(resolve(obj(one), root), obj(values)[name], [...path, name], required.includes(name), root));
}

function fieldOf(schema: Obj, value: Json | undefined, path: string[], required: boolean, root: Obj): Field {
  const base: Base = { path, name: path[path.length - 1] ?? "", about: text(schema.description), required, fallback: fallbackOf(schema.default) };
  const choices = choicesOf(schema);
  if (choices) return { ...base, sort: "choice", choices };
  const properties = obj(schema.properties);
  switch (schema.type) {
    case "string":
      return { ...base, sort: "text", hint: schema.format === "period" ? "250ms, 1s, 10min, 2h" : "" };
    case "integer":
    case "number": {
      const bound = (key: "minimum" | "maximum") => (typeof schema[key] === "number" ? schema[key] : null);
      return { ...base, sort: "number", whole: schema.type === "integer", min: bound("minimum"), max: bound("maximum") };
    }
    case "boolean":
      return { ...base, sort: "switch" };
    case "array": {
      const items = resolve(obj(schema.items), root);
      const fixed = Array.isArray(schema.prefixItems) ? schema.prefixItems.map(obj) : [];
      if (fixed.length > 0 && fixed.every((one) => one.type === "number")) return { ...base, sort: "numbers", count: fixed.length };
      return items.type === "string" || choicesOf(items) ? { ...base, sort: "list" } : { ...base, sort: "free" };
    }
    case "object":
      if (Object.keys(properties).join() === "secret") return { ...base, sort: "secret" };
      if (path.length >= DEEPEST) return { ...base, sort: "free" };
      if (Object.keys(properties).length > 0) return { ...base, sort: "group", fields: fieldsOf(schema, value ?? {}, path, root) };
      return mapOf(base, schema, value, root);
    default:
      return { ...base, sort: "free" };
  }
}

function mapOf(base: Base, schema: Obj, value: Json | undefined, root: Obj): Field {
  const inner = resolve(obj(schema.additionalProperties), root);
  if (Object.keys(inner).length === 0) return { ...base, sort: "free" };
  const entries = Object.entries(obj(value));
  const shown = entries.length > MOST_ENTRIES ? [] : entries;
  return {
    ...base,
    sort: "map",
    count: entries.length,
    entry: fieldOf(inner, undefined, [...base.path, "entry"], true, root),
    entries: shown.map(([key, one]) => {
      const at = [...base.path, key];
      const fields = Object.keys(obj(inner.properties)).length > 0 ? fieldsOf(inner, one, at, root) : [fieldOf(inner, one, at, false, root)];
      return { key, fields };
    }),
  };
}

function choicesOf(schema: Obj): { value: string; about: string }[] | null {
  const some = Array.isArray(schema.oneOf) ? schema.oneOf.map(obj) : null;
  if (some && some.every((one) => typeof one.const === "string" || (Array.isArray(one.enum) && one.enum.every((e) => typeof e === "string")))) {
    return some.flatMap((one) => (Array.isArray(one.enum) ? one.enum.map((e) => ({ value: String(e), about: text(one.description) })) : [{ value: text(one.const), about: text(one.description) }]));
  }
  if (Array.isArray(schema.enum) && schema.enum.every((one) => typeof one === "string")) return schema.enum.map((one) => ({ value: String(one), about: "" }));
  return null;
}

/** The value at a path, or undefined. */
export function valueAt(values: Json, path: string[]): Json | undefined {
  return path.reduce<Json | undefined>((at, key) => obj(at)[key], values);
}

/** What was typed into a field, as a value for the file; null takes the key out. `problem` when it cannot be one. */
export function typed(field: Field, raw: string): { value: Json; problem: null } | { value: null; problem: string } {
  const word = raw.trim();
  if (word === "") return field.required ? { value: null, problem: "This one is needed." } : { value: null, problem: null };
  switch (field.sort) {
    case "number": {
      const n = Number(word.replace(",", "."));
      if (!Number.isFinite(n) || (field.whole && !Number.isInteger(n))) return { value: null, problem: field.whole ? "Give a whole number." : "Give a number." };
      if (field.min !== null && n < field.min) return { value: null, problem: `At least ${field.min}.` };
      if (field.max !== null && n > field.max) return { value: null, problem: `At most ${field.max}.` };
      return { value: n, problem: null };
    }
    case "switch":
      return { value: word === "true", problem: null };
    case "list":
      return { value: word.split(/[\n,]+/).map((one) => one.trim()).filter((one) => one !== ""), problem: null };
    case "numbers": {
      const parts = word.split(/[\s;,]+/).filter((one) => one !== "").map(Number);
      const right = parts.length === field.count && parts.every(Number.isFinite);
      return right ? { value: parts, problem: null } : { value: null, problem: `Give ${field.count} numbers with a comma between them, e.g. 0, 100.` };
    }
    case "secret":
      return /^[A-Za-z0-9_-]{1,64}$/.test(word) ? { value: { secret: word }, problem: null } : { value: null, problem: "Give the name of a secret, not the secret itself." };
    default:
      return { value: word, problem: null };
  }
}

/** A value as it stands in its field. */
export function shown(field: Field, value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (field.sort === "secret") return text(obj(value).secret);
  if (Array.isArray(value)) return value.map(String).join(field.sort === "numbers" ? ", " : "\n");
  return typeof value === "object" ? "" : String(value);
}
