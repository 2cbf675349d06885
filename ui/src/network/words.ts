/** What the monitor's facts are called. Pure. */
import type { AssetRow, FindingState, Interface, LinkRow, Seen } from "../api/monitor";
import type { Tone } from "../parts/Status";

/** Levels of the Purdue model (IEC 62443-1-1, reference model; 3.5 is the usual word for the zone between plant and office). */
export const LEVELS: { level: number; name: string }[] = [
  { level: 5, name: "Enterprise" },
  { level: 4, name: "Site business" },
  { level: 3.5, name: "Between plant and office (DMZ)" },
  { level: 3, name: "Site operations" },
  { level: 2, name: "Supervision (HMI, SCADA)" },
  { level: 1, name: "Control (PLC)" },
  { level: 0, name: "Process (sensors, drives)" },
];

export function levelName(level: number | null): string {
  if (level === null) return "Level not known";
  const known = LEVELS.find((l) => l.level === level);
  return known ? `${level} ${known.name}` : `Level ${level}`;
}
export const zoneName = (zone: string | null): string => zone || "No zone";

export const INTERFACE: Record<Interface["state"], { text: string; tone: Tone }> = {
  up: { text: "listening", tone: "normal" },
  starting: { text: "starting", tone: "attention" },
  down: { text: "cable or interface down", tone: "alarm" },
  missing: { text: "not there", tone: "alarm" },
  "no-right": { text: "no right to listen", tone: "alarm" },
  failed: { text: "failed", tone: "alarm" },
};
export const SEEN: Record<Seen, { text: string; tone: Tone }> = {
  seen: { text: "seen", tone: "normal" },
  encrypted: { text: "encrypted", tone: "note" },
  "one-way": { text: "one direction only", tone: "attention" },
  never: { text: "never seen", tone: "attention" },
  "not-ip": { text: "not on a network", tone: "off" },
};
export const LINK_SEEN: Record<NonNullable<LinkRow["seen"]>, string> = {
  both: "both directions",
  "one-way": "one direction only",
  encrypted: "encrypted",
  silent: "attempts without data",
};

export const FINDING_STATES: { state: FindingState; text: string }[] = [
  { state: "open", text: "Open" },
  { state: "acknowledged", text: "Acknowledged" },
  { state: "muted", text: "Muted" },
  { state: "closed", text: "Closed" },
];

/** The monitor's judgement by what a device does; the list of assets has these words from the gateway. */
const ROLES: Record<string, string> = {
  controller: "controller or field device",
  supervisor: "HMI, SCADA or gateway",
  engineering: "engineering station",
  network: "network device",
  silent: "never answered",
};
export const roleWords = (n: { role: string; own?: boolean | null | undefined }): string => (n.own ? "this gateway" : (ROLES[n.role] ?? n.role));

/** What is said of a difference, by its kind. */
export const DIFFERENCE: Record<string, string> = {
  asset: "new asset",
  link: "new link",
  function: "new function",
  "point-read": "new point read",
  "point-written": "new point written",
  writer: "new writer",
  rate: "unusual rate",
};

/** What it is in a line: vendor, model, firmware. */
export function identity(a: Pick<AssetRow, "vendor" | "model" | "firmware" | "card">): string {
  const said = [a.vendor, a.model].filter(Boolean).join(" ");
  const firmware = a.firmware ? `firmware ${a.firmware}` : "";
  return [said || (a.card ? `network card by ${a.card}` : ""), firmware].filter(Boolean).join(", ");
}

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
export const byAddress = (a: { id: string }, b: { id: string }): number => natural.compare(a.id, b.id);

export type Order = "urgent" | "address" | "name" | "last";
export function ordered(assets: readonly AssetRow[], order: Order): AssetRow[] {
  const rank: Record<Order, (a: AssetRow, b: AssetRow) => number> = {
    // The worst findings, then what nobody has approved.
    urgent: (a, b) => (b.worst ?? 0) - (a.worst ?? 0) || Number(a.approved) - Number(b.approved) || byAddress(a, b),
    address: byAddress,
    name: (a, b) => Number(a.name === "") - Number(b.name === "") || natural.compare(a.name, b.name) || byAddress(a, b),
    last: (a, b) => (b.last ?? 0) - (a.last ?? 0) || byAddress(a, b),
  };
  return [...assets].sort(rank[order]);
}

export interface AssetSieve {
  text: string;
  /** A protocol's key; empty: all. */
  protocol: string;
  zone: string | null;
  only: "" | "findings" | "new" | "gone";
}

/** Every word must be found somewhere in what is known of the asset. */
export function fits(a: AssetRow, sieve: AssetSieve): boolean {
  const words = sieve.text.toLowerCase().split(/\s+/).filter(Boolean);
  const known = [a.id, a.name, ...a.addresses, ...a.macs, a.card, a.role_words, a.vendor, a.model, a.firmware, a.serial, a.zone, a.connection, a.note].join("\n").toLowerCase();
  return (
    words.every((w) => known.includes(w)) &&
    (sieve.protocol === "" || a.serves.includes(sieve.protocol) || a.asks.includes(sieve.protocol)) &&
    (sieve.zone === null || a.zone === sieve.zone) &&
    (sieve.only === "" || (sieve.only === "findings" ? a.findings > 0 : sieve.only === "new" ? !a.approved : a.live === false))
  );
}
