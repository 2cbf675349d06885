import { formatAge, formatDuration, formatTime, zoneName } from "../format/time";
import { useNow } from "../live/clock";

/** A point in time with its zone in the hover text; `age` adds how long ago. */
export function Time({ ms, age, millis }: { ms: number | null | undefined; age?: boolean; millis?: boolean }) {
  const now = useNow();
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return <span className="quiet">–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${formatTime(ms, { millis: true })} ${zoneName(ms)}`}>
      {formatTime(ms, { now, millis: millis ?? false })}
      {age ? <span className="age"> ({formatAge(ms, now)})</span> : null}
    </time>
  );
}

/** Only the age; the full time is in the hover text. */
export function Age({ ms }: { ms: number | null | undefined }) {
  const now = useNow();
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return <span className="quiet">–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${formatTime(ms, { millis: true })} ${zoneName(ms)}`}>
      {formatAge(ms, now)}
    </time>
  );
}

/** How long a state lasts: "for 12 min". */
export function For({ ms }: { ms: number | null | undefined }) {
  const now = useNow();
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return null;
  return (
    <span className="quiet nowrap" title={`since ${formatTime(ms)} ${zoneName(ms)}`}>
      for {formatDuration(Math.max(0, Math.floor((now - ms) / 1000)))}
    </span>
  );
}

/** For headings of columns with times: the zone they are in. */
export function Zone() {
  return <span className="quiet"> ({zoneName()})</span>;
}
