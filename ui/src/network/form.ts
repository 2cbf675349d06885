/** From what a person typed to what is asked of the gateway. Pure. */
import type { AssetChange, NewWindow } from "../api/monitor";
import { formatDuration, fromLocalInput } from "../format/time";

export interface AssetForm {
  name: string;
  zone: string;
  /** Empty: guessed. */
  level: string;
  note: string;
}

/** Only what is different from before. */
export function assetChange(before: AssetForm, form: AssetForm): { change: AssetChange; problems: Partial<Record<keyof AssetForm, string>> } {
  const problems: Partial<Record<keyof AssetForm, string>> = {};
  const change: AssetChange = {};
  const [name, zone] = [form.name.trim(), form.zone.trim()];
  if ([...name].length > 64) problems.name = "At most 64 characters.";
  if (zone !== "" && !/^[A-Za-z0-9_-]{1,64}$/.test(zone)) problems.zone = "Letters, digits, _ and -, up to 64, e.g. line-1.";
  if ([...form.note].length > 2000) problems.note = "At most 2,000 characters.";
  if (name !== before.name) change.name = name;
  if (zone !== before.zone) change.zone = zone === "" ? null : zone;
  if (form.level !== before.level) change.level = form.level === "" ? null : Number(form.level);
  if (form.note !== before.note) change.note = form.note;
  return { change, problems };
}

const DAY = 86_400_000;

export interface MuteForm {
  reason: string;
  /** As `<input type="datetime-local">` holds it. */
  until: string;
}

/** A finding is muted for a reason and until a day: a silence without an end is forgotten. */
export function muteOf(form: MuteForm, now: number): { reason: string; until: number; problems: Partial<Record<keyof MuteForm, string>> } {
  const problems: Partial<Record<keyof MuteForm, string>> = {};
  const reason = form.reason.trim();
  const until = fromLocalInput(form.until) ?? NaN;
  if (reason === "") problems.reason = "Give a reason: who reads it later must understand.";
  if (!Number.isFinite(until)) problems.until = "Say until when.";
  else if (until <= now) problems.until = "This time is over.";
  else if (until > now + 366 * DAY) problems.until = "At most one year.";
  return { reason, until, problems };
}

export interface WorkForm {
  who: string;
  ticket: string;
  until: string;
  note: string;
  assets: string[];
}

export function workOf(form: WorkForm, now: number): { window: NewWindow; problems: Partial<Record<keyof WorkForm, string>> } {
  const problems: Partial<Record<keyof WorkForm, string>> = {};
  const until = fromLocalInput(form.until) ?? NaN;
  if (form.who.trim() === "") problems.who = "Say who works.";
  if (form.ticket.trim() === "") problems.ticket = "Give the ticket or work order.";
  if (form.assets.length === 0) problems.assets = "Choose at least one asset.";
  if (!Number.isFinite(until)) problems.until = "Say until when.";
  else if (until <= now) problems.until = "This time is over.";
  else if (until > now + 7 * DAY) problems.until = `At most ${formatDuration((7 * DAY) / 1000)}: begin a new one then.`;
  return { window: { who: form.who.trim(), ticket: form.ticket.trim(), note: form.note.trim(), until, assets: form.assets }, problems };
}
