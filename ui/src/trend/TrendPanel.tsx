/** The trend of one point: presets, keys, buttons, what the pointer is on, and the window in words. */
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import type { PointDetail, PointLive } from "../api/types";
import { formatCount, formatNumber, formatPercent } from "../format/number";
import { formatDuration, formatTime, zoneName } from "../format/time";
import { formatUnit } from "../format/unit";
import { formatValue, numeric } from "../format/value";
import { serverNow, useNow } from "../live/clock";
import { ErrorBox } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Term } from "../parts/Term";
import { badStretches, columnsOf, summarise, type Columns, type Sample } from "./series";
import { TrendChart } from "./TrendChart";
import { useTrend } from "./useTrend";
import { applyKey, pan, PRESETS, viewOf, windowOf, zoom, type View, type Window } from "./zoom";
import { ZoomBar, zoomKey } from "./ZoomBar";

const MAX_TAIL = 5_000;
const FAST_SPAN = 120_000;

export interface TrendPanelProps {
  detail: PointDetail;
  live: PointLive;
  /** Time between two scans in ms; null where silence is no gap. */
  period: number | null;
  view: View;
  onView: (change: (view: View) => View) => void;
  aside?: ReactNode;
}

export function TrendPanel({ detail, live, period, view, onView, aside }: TrendPanelProps) {
  const { point } = detail;
  const box = useRef<HTMLDivElement>(null);
  const [buckets, setBuckets] = useState(800);
  const [cursor, setCursor] = useState<number | null>(null);
  const now = useNow();
  const { trend, error, busy } = useTrend(point.path, view, buckets, true);
  const tail = useTail(live);

  useEffect(() => {
    const width = box.current?.clientWidth ?? 800;
    // Whole hundreds: a small change of the width is no reason to ask again.
    setBuckets(Math.max(100, Math.min(2000, Math.round(width / 100) * 100)));
  }, []);

  const states = detail.states ?? (point.type === "bool" ? { "0": "false", "1": "true" } : null);
  const stepped = point.type !== "f64" || states !== null;
  const fast = useFastTick(view.end === null && view.span <= FAST_SPAN);
  // A following window moves with the clock; one that stands does not change with it.
  const tick = view.end === null ? Math.max(now, fast) : 0;
  const window = useMemo<Window>(() => windowOf(view, Math.max(tick, serverNow())), [view, tick]);
  const following = view.end === null;
  const columns = useMemo<Columns>(
    () => (trend ? columnsOf(trend, following ? tail : [], following ? window.to : null, stepped, period) : [[], [], [], []]),
    [trend, tail, following, window.to, stepped, period],
  );
  const bad = useMemo(() => (trend ? badStretches(trend, Math.min(window.to, serverNow())) : []), [trend, window.to]);
  const onZoom = useCallback((factor: number, anchor: number) => onView((v) => zoom(v, factor, anchor, serverNow())), [onView]);
  const onPan = useCallback((part: number) => onView((v) => pan(v, part, serverNow())), [onView]);
  const onRange = useCallback((from: number, to: number) => onView(() => viewOf(from, to, serverNow())), [onView]);

  return (
    <Panel title="Trend" id="trend" aside={aside}>
      <ZoomBar what="the trend" presets={PRESETS} view={view} window={window} onView={onView} />
      <div
        ref={box}
        className="trend"
        data-testid="trend"
        data-from={Math.round(window.from)}
        data-to={Math.round(window.to)}
        data-follow={following}
        data-mode={trend?.mode ?? ""}
        data-samples={trend?.time.length ?? 0}
        tabIndex={0}
        role="group"
        aria-label={`Trend of ${point.name || point.path}. Plus and minus zoom, arrow keys move, L follows live values.`}
        onKeyDown={(e) => zoomKey(e, onView)}
        onDoubleClick={() => onView((v) => applyKey(v, "out", serverNow()))}
      >
        <TrendChart
          columns={columns}
          bad={bad}
          window={window}
          unit={point.unit ?? ""}
          states={states}
          range={detail.range ?? null}
          stepped={stepped}
          onRange={onRange}
          onZoom={onZoom}
          onPan={onPan}
          onCursor={setCursor}
        />
        {trend && trend.time.length === 0 && !busy && <NoSamples detail={detail} onView={onView} />}
      </div>
      {error !== null && <ErrorBox error={error} />}
      <p className="trend-read">{cursor !== null && columns[0][cursor] !== undefined ? <AtCursor columns={columns} index={cursor} detail={detail} /> : <InWords detail={detail} trend={trend} window={window} />}</p>
    </Panel>
  );
}

/** A narrow window moves four times a second, unless the reader asked for calm. */
function useFastTick(on: boolean): number {
  const [at, setAt] = useState(0);
  useEffect(() => {
    if (!on || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const timer = setInterval(() => setAt(serverNow()), 250);
    return () => clearInterval(timer);
  }, [on]);
  return at;
}

/** Live samples that came since the page was opened, for the right edge of the picture. */
function useTail(live: PointLive): Sample[] {
  const [tail, setTail] = useState<Sample[]>([]);
  const { time, value, good } = live;
  useEffect(() => {
    if (time === null || time === undefined) return;
    setTail((t) => {
      const last = t[t.length - 1];
      if (last && last.time >= time) return t;
      const next = t.length >= MAX_TAIL ? t.slice(MAX_TAIL / 2) : t;
      return [...next, { time, value: good ? numeric(value) : null }];
    });
  }, [time, value, good]);
  return tail;
}

function NoSamples({ detail, onView }: { detail: PointDetail; onView: TrendPanelProps["onView"] }) {
  const last = detail.history?.last;
  return (
    <div className="trend-empty">
      <p>No sample in this window.</p>
      {last ? (
        <button type="button" onClick={() => onView((v) => viewOf(last - v.span / 2, last + v.span / 2, serverNow()))}>
          Go to the last sample, {formatTime(last)}
        </button>
      ) : (
        <p className="quiet">Nothing has been recorded for this point yet.</p>
      )}
    </div>
  );
}

const withUnit = (n: number | null | undefined, detail: PointDetail) => {
  if (n === null || n === undefined) return "no value";
  const word = detail.states?.[String(n)];
  const unit = formatUnit(detail.point.unit);
  return word ?? (detail.point.type === "bool" ? formatValue(n !== 0, "bool") : `${formatNumber(n)}${unit ? ` ${unit}` : ""}`);
};

function AtCursor({ columns, index, detail }: { columns: Columns; index: number; detail: PointDetail }) {
  const [x, high, low, y] = columns;
  const at = x[index] ?? 0;
  const band = low[index] !== null && low[index] !== undefined && high[index] !== low[index];
  return (
    <>
      {formatTime(at, { millis: true })} {zoneName(at)}: <b>{y[index] === null ? "bad, no value" : withUnit(y[index], detail)}</b>
      {band && `, lowest ${withUnit(low[index], detail)}, highest ${withUnit(high[index], detail)}`}
    </>
  );
}

function InWords({ detail, trend, window }: { detail: PointDetail; trend: ReturnType<typeof useTrend>["trend"]; window: Window }) {
  if (!trend) return <>Reading …</>;
  const s = summarise(trend);
  return (
    <>
      {formatTime(window.from)} to {formatTime(window.to)} {zoneName(window.to)}:{" "}
      {s.samples === 0 ? (
        "no sample."
      ) : (
        <>
          {s.low === null ? "no good value" : `lowest ${withUnit(s.low, detail)}, highest ${withUnit(s.high, detail)}`}, {formatCount(s.samples)} samples,{" "}
          {formatPercent((s.goodShare ?? 1) * 100)} Good.{" "}
          {trend.mode === "buckets" && (
            <>
              One dot is {formatDuration((trend.bucket_ms ?? 0) / 1000)}: {detail.states || detail.point.type !== "f64" ? "last value" : "average"} and <Term k="bucket">band</Term>.
            </>
          )}
        </>
      )}
    </>
  );
}
