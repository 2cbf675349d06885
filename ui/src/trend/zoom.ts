/** Arithmetic of the time window of a trend. Pure; milliseconds. */

/** `end` null follows the present. */
export interface View {
  span: number;
  end: number | null;
}
export interface Window {
  from: number;
  to: number;
}

export const MIN_SPAN = 1_000;
export const MAX_SPAN = 20 * 365.25 * 86_400_000;

const MIN = 60_000;
const HOUR = 60 * MIN;
const DAY = 24 * HOUR;
export const PRESETS: { name: string; label: string; span: number }[] = [
  { name: "10 s", label: "10 seconds", span: 10_000 },
  { name: "1 min", label: "1 minute", span: MIN },
  { name: "10 min", label: "10 minutes", span: 10 * MIN },
  { name: "1 h", label: "1 hour", span: HOUR },
  { name: "8 h", label: "8 hours", span: 8 * HOUR },
  { name: "1 d", label: "1 day", span: DAY },
  { name: "1 week", label: "1 week", span: 7 * DAY },
  { name: "1 month", label: "1 month", span: 30 * DAY },
  { name: "1 y", label: "1 year", span: 365 * DAY },
  { name: "5 y", label: "5 years", span: 5 * 365 * DAY },
];

export function windowOf(view: View, now: number): Window {
  const to = view.end ?? now;
  return { from: Math.max(0, to - view.span), to };
}

const clampSpan = (span: number) => Math.min(MAX_SPAN, Math.max(MIN_SPAN, span));

/** A window that reaches the present follows it; none reaches beyond it. */
function settle(to: number, span: number, now: number): View {
  const width = clampSpan(span);
  // One part in two hundred is less than what a hand can aim at.
  return to >= now - width / 200 ? { span: width, end: null } : { span: width, end: to };
}

/** From an interval somebody drew or typed, in either order. */
export function viewOf(a: number, b: number, now: number): View {
  const from = Math.min(a, b);
  const to = Math.min(Math.max(a, b), now);
  return settle(Math.max(to, from + MIN_SPAN), to - from, now);
}

/** Factor below 1 zooms in. `anchor` (0 left, 1 right) stays where it is, as far as the present allows. */
export function zoom(view: View, factor: number, anchor: number, now: number): View {
  const { from, to } = windowOf(view, now);
  const span = clampSpan(view.span * factor);
  if (view.end === null && (factor > 1 || anchor > 0.9)) return { span, end: null };
  const fixed = from + (to - from) * anchor;
  return settle(Math.min(now, fixed + span * (1 - anchor)), span, now);
}

/** Moves by a part of the width: negative is into the past. */
export function pan(view: View, part: number, now: number): View {
  const { to } = windowOf(view, now);
  return settle(Math.min(now, to + part * view.span), view.span, now);
}

export type Key = "in" | "out" | "earlier" | "later" | "live" | null;

/** What a key means on a trend. */
export function keyOf(key: string): Key {
  switch (key) {
    case "+":
    case "=":
      return "in";
    case "-":
    case "_":
      return "out";
    case "ArrowLeft":
      return "earlier";
    case "ArrowRight":
      return "later";
    case "l":
    case "L":
    case "End":
      return "live";
    default:
      return null;
  }
}

export function applyKey(view: View, key: Exclude<Key, null>, now: number): View {
  switch (key) {
    case "in":
      return zoom(view, 0.5, view.end === null ? 1 : 0.5, now);
    case "out":
      return zoom(view, 2, view.end === null ? 1 : 0.5, now);
    case "earlier":
      return pan(view, -0.25, now);
    case "later":
      return pan(view, 0.25, now);
    case "live":
      return { span: view.span, end: null };
  }
}

/** How often a following trend asks again: often when narrow, seldom when a year is on screen. */
export function followInterval(span: number): number {
  return Math.min(60_000, Math.max(1_000, span / 400));
}
