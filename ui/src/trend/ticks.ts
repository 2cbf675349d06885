/** Labels of a time axis: as little as says it all; the date appears where it changes. Pure. */
import { formatClock, formatDate } from "../format/time";

const DAY = 86_400_000;

export function tickLabels(times: readonly number[], step: number): string[] {
  let before = "";
  return times.map((t) => {
    const date = formatDate(t);
    if (step >= 365 * DAY) return date.slice(0, 4);
    if (step >= 28 * DAY) return date.slice(0, 7);
    if (step >= DAY) return date;
    const clock = step < 1_000 ? formatClock(t, true) : step < 60_000 ? formatClock(t) : formatClock(t).slice(0, 5);
    const label = date === before ? clock : `${clock}\n${date}`;
    before = date;
    return label;
  });
}
