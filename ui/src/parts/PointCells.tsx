/** A point in a row: value with unit, quality, age; live while it is on screen. */
import type { PointLive } from "../api/types";
import { formatUnit } from "../format/unit";
import { formatValue, shownValue } from "../format/value";
import { useLivePoint } from "../live/useLive";
import { Quality } from "./Quality";
import { Age } from "./Time";

export function ValueText({ point, states }: { point: PointLive; states?: Record<string, string> | null }) {
  const shown = shownValue(point);
  const same = shown.value === point.value;
  const text = formatValue(shown.value, point.type, states, same ? point.state : null);
  const unit = formatUnit(point.unit);
  return (
    <span className={`value ${shown.value === null ? "none" : shown.kept ? "stale" : point.good ? "" : "doubtful"}`} data-value={String(shown.value)}>
      {text}
      {unit && shown.value !== null ? <span className="unit-text"> {unit}</span> : null}
    </span>
  );
}

/** How old the value is that is shown: of a bad point its last good one. */
export function ValueAge({ point }: { point: PointLive }) {
  const shown = shownValue(point);
  return shown.value === null ? <>never</> : <Age ms={shown.time} />;
}

export function PointCells({ point: base, testIds }: { point: PointLive; testIds?: boolean }) {
  const point = useLivePoint(base);
  return (
    <>
      <span className="cell-value" role="gridcell" data-testid={testIds ? "point-value" : undefined}>
        <ValueText point={point} states={stateHint(base)} />
      </span>
      <span className="cell-quality" role="gridcell">
        <Quality quality={point.quality} good={point.good} {...(testIds ? { testId: "point-quality" } : {})} />
      </span>
      <span className="cell-age" role="gridcell">
        <ValueAge point={point} />
      </span>
    </>
  );
}

/** A list brings the word for one value only; a live value of the same number may use it. */
const seen = new Map<string, Record<string, string>>();
function stateHint(point: PointLive): Record<string, string> | null {
  if (!point.state || point.value === null) return seen.get(point.path) ?? null;
  const known = seen.get(point.path) ?? {};
  if (known[String(point.value)] !== point.state) {
    if (seen.size > 5000) seen.clear();
    known[String(point.value)] = point.state;
    seen.set(point.path, known);
  }
  return known;
}
