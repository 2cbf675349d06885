/** Times in the reader's zone. Dates are year-month-day: the one order nobody misreads. */

const two = (n: number) => String(n).padStart(2, "0");

export function formatDate(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

export function formatClock(ms: number, millis = false): string {
  const d = new Date(ms);
  const text = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return millis ? `${text}.${String(d.getMilliseconds()).padStart(3, "0")}` : text;
}

/** Date and clock; the date is left out when it is the day of `now`. */
export function formatTime(ms: number | null | undefined, options: { millis?: boolean; now?: number } = {}): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const clock = formatClock(ms, options.millis);
  return options.now !== undefined && formatDate(options.now) === formatDate(ms) ? clock : `${formatDate(ms)} ${clock}`;
}

/** The short name of the reader's zone at that time: "CET", "GMT+5:30", "UTC". */
export function zoneName(ms: number = Date.now()): string {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(ms);
  return parts.find((p) => p.type === "timeZoneName")?.value ?? "local time";
}

const UNITS: [string, number][] = [
  ["y", 31_536_000],
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** A length of time in its two largest units: "3 s", "12 min", "2 h 5 min", "3 d 4 h". Seconds in. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "-" : "";
  if (size < 1) return size === 0 ? "0 s" : `${sign}${Math.max(1, Math.round(size * 1000))} ms`;
  if (size < 10) return `${sign}${Number(size.toFixed(1))} s`;
  for (let i = 0; i < UNITS.length; i += 1) {
    const [name, length] = UNITS[i] ?? ["s", 1];
    if (size < length) continue;
    const whole = Math.floor(size / length);
    const next = UNITS[i + 1];
    const rest = next ? Math.floor((size - whole * length) / next[1]) : 0;
    // Seconds beside minutes matter only while the minutes are few.
    const showRest = next && rest > 0 && (name !== "min" || whole < 5);
    return showRest ? `${sign}${whole} ${name} ${rest} ${next[0]}` : `${sign}${whole} ${name}`;
  }
  return "0 s";
}

/** "12 min ago"; a stamp ahead of the clock says so instead of "0 s". */
export function formatAge(ms: number | null | undefined, now: number): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const seconds = (now - ms) / 1000;
  if (seconds < -1) return `${formatDuration(-seconds)} ahead`;
  return seconds < 1 ? "now" : `${formatDuration(Math.floor(seconds))} ago`;
}

/** Milliseconds to what `<input type="datetime-local">` holds, and back. */
export function toLocalInput(ms: number): string {
  return `${formatDate(ms)}T${formatClock(ms)}`;
}
export function fromLocalInput(text: string): number | null {
  const ms = new Date(text).getTime();
  return Number.isFinite(ms) ? ms : null;
}
