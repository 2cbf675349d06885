/** What a person typed, as a value the gateway takes, or why not. The gateway has the last word. Pure. */
import type { Maybe, PointType, Value, WriteRule } from "../api/types";
import { formatNumber } from "../format/number";

export type Checked = { value: Value; problem: null } | { value: null; problem: string };

export function checkWrite(text: string, type: PointType, rule: Maybe<WriteRule>, present: Maybe<Value>, unit: string): Checked {
  const fail = (problem: string): Checked => ({ value: null, problem });
  const raw = text.trim();
  if (type === "text") return { value: text, problem: null };
  if (raw === "") return fail("Give a value.");
  if (type === "bool") return raw === "true" || raw === "false" ? { value: raw === "true", problem: null } : fail("Choose true or false.");
  if (type === "bytes") return /^([0-9a-f]{2})+$/i.test(raw) ? { value: raw, problem: null } : fail("Give bytes as pairs of hexadecimal digits.");
  const whole = type === "i64" || type === "u64";
  const plain = raw.replace(",", ".");
  if (!(whole ? /^[-+]?\d+$/ : /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i).test(plain)) return fail(whole ? "Give a whole number." : "Give a number.");
  const n = Number(plain);
  if (!Number.isFinite(n)) return fail("The number is too large.");
  if (type === "u64" && n < 0) return fail("Give a number that is not negative.");
  const named = (x: number) => `${formatNumber(x)}${unit ? ` ${unit}` : ""}`;
  if (typeof rule?.min === "number" && n < rule.min) return fail(`The least allowed is ${named(rule.min)}.`);
  if (typeof rule?.max === "number" && n > rule.max) return fail(`The most allowed is ${named(rule.max)}.`);
  if (typeof rule?.step === "number" && typeof present === "number" && Math.abs(n - present) > rule.step * (1 + 1e-9)) {
    return fail(`One write may change it by at most ${named(rule.step)}; it is ${named(present)} now.`);
  }
  // Beyond 2^53 a JavaScript number would lose digits: those go as text.
  return { value: whole && !Number.isSafeInteger(n) ? plain.replace(/^\+/, "") : n, problem: null };
}

/** The limits in one sentence. */
export function limitsText(rule: Maybe<WriteRule>, unit: string): string {
  const parts: string[] = [];
  const named = (x: number) => `${formatNumber(x)}${unit ? ` ${unit}` : ""}`;
  if (typeof rule?.min === "number") parts.push(`at least ${named(rule.min)}`);
  if (typeof rule?.max === "number") parts.push(`at most ${named(rule.max)}`);
  if (typeof rule?.step === "number") parts.push(`at most ${named(rule.step)} away from the present value in one write`);
  return parts.length > 0 ? `Allowed: ${parts.join(", ")}.` : "The configuration sets no limits.";
}
export function confirmText(rule: Maybe<WriteRule>): string {
  const confirm = rule?.confirm ?? "readback";
  if (confirm === "readback") return "The value is read back from the device to confirm it.";
  if (confirm === "none") return "The device's acknowledgement is the only confirmation: the value resets itself.";
  return `Confirmed when ${confirm} follows.`;
}
