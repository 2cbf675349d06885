/** Which lane of the time line an event belongs to, and what of it is drawn where. Pure. */
import type { PlantEvent } from "../api/types";
import { severityWords, type SeverityWords } from "../format/severity";
import type { Window } from "../trend/zoom";

export type Lane = "alarm" | "finding" | "fault" | "command" | "access" | "change" | "interval";

/** From what needs a person to what only belongs to the picture. */
export const LANES: { lane: Lane; name: string; kind: PlantEvent["kind"] }[] = [
  { lane: "alarm", name: "Alarms", kind: "alarm" },
  { lane: "finding", name: "Findings", kind: "finding" },
  { lane: "fault", name: "Faults", kind: "fault" },
  { lane: "command", name: "Commands", kind: "change" },
  { lane: "access", name: "Access", kind: "change" },
  { lane: "change", name: "Changes", kind: "change" },
  { lane: "interval", name: "Intervals", kind: "interval" },
];

/** Changes are told apart by their id: commands and leases, sign-ins and refusals, and the rest (configuration). */
export function laneOf(event: PlantEvent): Lane {
  if (event.kind !== "change") return event.kind;
  const sort = event.id.slice(0, event.id.indexOf("/"));
  if (sort === "command" || sort === "lease") return "command";
  return sort === "access" ? "access" : "change";
}

/** What the gateway can sift itself: only what all chosen lanes have in common. */
export function kindOf(lanes: ReadonlySet<Lane>): PlantEvent["kind"] | "" {
  const kinds = new Set(LANES.filter((l) => lanes.has(l.lane)).map((l) => l.kind));
  const [only] = kinds;
  return kinds.size === 1 && only ? only : "";
}

export interface Sieve {
  lanes: ReadonlySet<Lane>;
  source: string;
}

export function sift(events: readonly PlantEvent[], sieve: Sieve): PlantEvent[] {
  return events.filter((e) => (sieve.lanes.size === 0 || sieve.lanes.has(laneOf(e))) && (sieve.source === "" || (e.source ?? "") === sieve.source));
}

/** Once each, newest first: what lasts comes a second time beside what began in the window. */
export function merge(...lists: PlantEvent[][]): PlantEvent[] {
  const found = new Map<string, PlantEvent>();
  for (const event of lists.flat()) {
    const known = found.get(event.id);
    if (!known || (event.revision ?? 0) > (known.revision ?? 0)) found.set(event.id, event);
  }
  return [...found.values()].sort((a, b) => (b.start ?? 0) - (a.start ?? 0) || (a.id < b.id ? 1 : -1));
}

export const lasts = (e: PlantEvent): boolean => !e.end && (e.state === "active" || e.state === "acknowledged");

/** Colour is for what lasts and needs a person; what is over is grey, dark where it was grave. */
export type Shade = SeverityWords["level"] | "grave";
const GRAVE = 600;

export function shadeOf(event: PlantEvent): Shade {
  if (event.state === "active" && !event.end) return severityWords(event.severity).level;
  return event.severity >= GRAVE ? "grave" : "normal";
}

export interface Mark {
  lane: Lane;
  /** Pixels from the left edge. */
  x: number;
  count: number;
  /** Both of the worst event in it: what needs a person before what is over. */
  shade: Shade;
  title: string;
}
export interface Bar {
  lane: Lane;
  from: number;
  to: number;
  shade: Shade;
}

/** Pixels of one mark: events nearer to each other than this become one mark with a count. */
export const STEP = 6;

/** Marks for beginnings, bars for what lasted longer than a mark is wide. */
export function draw(events: readonly PlantEvent[], window: Window, width: number): { marks: Mark[]; bars: Bar[] } {
  const at = (ms: number) => ((ms - window.from) / Math.max(1, window.to - window.from)) * width;
  const marks = new Map<string, Mark & { weight: number }>();
  const bars: Bar[] = [];
  for (const event of events) {
    const start = event.start ?? null;
    if (start === null || start > window.to) continue;
    const lane = laneOf(event);
    const shade = shadeOf(event);
    const weight = event.severity + (event.state === "active" ? 1000 : 0);
    const end = lasts(event) ? window.to : (event.end ?? start);
    if (end < window.from) continue;
    const from = Math.max(0, at(start));
    const to = Math.min(width, at(end));
    if (to - from > STEP) bars.push({ lane, from, to, shade });
    if (start < window.from) continue;
    const slot = Math.min(Math.floor(at(start) / STEP), Math.max(0, Math.ceil(width / STEP) - 1));
    const key = `${lane}/${slot}`;
    const mark = marks.get(key);
    if (!mark) marks.set(key, { lane, x: slot * STEP, count: 1, shade, title: event.title, weight });
    else {
      mark.count += 1;
      if (weight > mark.weight) Object.assign(mark, { shade, title: event.title, weight });
    }
  }
  return { marks: [...marks.values()].map(({ weight: _, ...mark }) => mark), bars };
}

/** The distance of the lines of a time axis: round for people, about `most` of them. */
export function axisTimes({ from, to }: Window, most: number): { step: number; times: number[] } {
  const steps = [1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 172_800, 604_800, 2_592_000, 7_776_000, 31_536_000].map((s) => s * 1000);
  const step = steps.find((s) => (to - from) / s <= Math.max(1, most)) ?? 31_536_000_000;
  // Lines stand on whole hours of the reader's clock, not of UTC.
  const zone = new Date(to).getTimezoneOffset() * 60_000;
  const times: number[] = [];
  for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to && times.length < 200; t += step) times.push(t);
  return { step, times };
}
