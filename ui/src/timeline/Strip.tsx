/** The picture of a window: a lane for each sort of event, a mark where one began, a bar for as long as it lasted. */
import { useEffect, useMemo, useRef, useState, type PointerEvent } from "react";
import type { PlantEvent } from "../api/types";
import { plural } from "../format/number";
import { formatTime, zoneName } from "../format/time";
import { serverNow } from "../live/clock";
import { gestures, type Gestures } from "../trend/gestures";
import { tickLabels } from "../trend/ticks";
import { applyKey, pan, viewOf, zoom, type Window } from "../trend/zoom";
import { zoomKey, type OnView } from "../trend/ZoomBar";
import { axisTimes, draw, laneOf, LANES, STEP, type Lane } from "./lanes";

const ROW = 22;
const AXIS = 34;
const SIDE = 84;

export function Strip({ events, window, onView }: { events: PlantEvent[]; window: Window; onView: OnView }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const latest = useRef<Gestures>({ onZoom: () => undefined, onPan: () => undefined });
  latest.current = {
    onZoom: (factor, anchor) => onView((v) => zoom(v, factor, anchor, serverNow())),
    onPan: (part) => onView((v) => pan(v, part, serverNow())),
  };
  useEffect(() => (box.current ? gestures(box.current, latest) : undefined), []);
  const area = Math.max(50, width - SIDE);
  const lanes = useMemo(() => LANES.filter((l) => events.some((e) => laneOf(e) === l.lane)), [events]);
  const { marks, bars } = useMemo(() => draw(events, window, area), [events, window, area]);
  const { step, times } = axisTimes(window, area / 90);
  const labels = tickLabels(times, step);
  const y = (lane: Lane) => lanes.findIndex((l) => l.lane === lane) * ROW;
  const height = Math.max(1, lanes.length) * ROW;
  const x = (ms: number) => SIDE + ((ms - window.from) / Math.max(1, window.to - window.from)) * area;
  const at = (e: PointerEvent) => {
    const left = e.currentTarget.getBoundingClientRect().left;
    return Math.max(0, Math.min(area, e.clientX - left - SIDE));
  };
  const drop = () => {
    if (drag && Math.abs(drag.to - drag.from) > 4) {
      const ms = (px: number) => window.from + (px / area) * (window.to - window.from);
      onView(() => viewOf(ms(drag.from), ms(drag.to), serverNow()));
    }
    setDrag(null);
  };
  return (
    <>
      <div
        ref={box}
        className="strip"
        data-testid="timeline"
        data-from={Math.round(window.from)}
        data-to={Math.round(window.to)}
        data-events={events.length}
        tabIndex={0}
        role="group"
        aria-label={`Time line, ${plural(events.length, "event")}. Plus and minus zoom, arrow keys move, L follows the present. The list below says the same.`}
        onKeyDown={(e) => zoomKey(e, onView)}
        onDoubleClick={() => onView((v) => applyKey(v, "out", serverNow()))}
        onPointerDown={(e) => e.pointerType === "mouse" && e.button === 0 && setDrag({ from: at(e), to: at(e) })}
        onPointerMove={(e) => drag && setDrag({ ...drag, to: at(e) })}
        onPointerUp={drop}
        onPointerLeave={() => (setPointed(null), setDrag(null))}
      >
        <svg width={width} height={height + AXIS} aria-hidden="true">
          {lanes.map((l) => (
            <g key={l.lane}>
              <line className="strip-line" x1={0} x2={width} y1={y(l.lane) + ROW} y2={y(l.lane) + ROW} />
              <text className="strip-name" x={4} y={y(l.lane) + ROW - 7}>
                {l.name}
              </text>
            </g>
          ))}
          {times.map((t, i) => (
            <g key={t}>
              <line className="strip-line" x1={x(t)} x2={x(t)} y1={0} y2={height + 4} />
              {labels[i]?.split("\n").map((part, n) => (
                <text key={n} className="strip-tick" x={x(t)} y={height + 15 + n * 14} textAnchor="middle">
                  {part}
                </text>
              ))}
            </g>
          ))}
          {bars.map((b, i) => (
            <rect key={i} className={`bar shade-${b.shade}`} x={SIDE + b.from} width={b.to - b.from} y={y(b.lane) + 8} height={ROW - 15} />
          ))}
          {marks.map((m) => (
            <rect
              key={`${m.lane}${m.x}`}
              className={`mark shade-${m.shade}`}
              x={SIDE + m.x}
              width={STEP - 1}
              y={y(m.lane) + 4 - Math.min(2, m.count - 1)}
              height={ROW - 7 + Math.min(2, m.count - 1)}
              onPointerEnter={() => setPointed(`${m.count > 1 ? `${plural(m.count, "event")}, the most severe: ` : ""}${m.title}`)}
            />
          ))}
          {drag && <rect className="strip-drag" x={SIDE + Math.min(drag.from, drag.to)} width={Math.abs(drag.to - drag.from)} y={0} height={height} />}
        </svg>
      </div>
      <p className="strip-read quiet">
        {pointed ?? `${formatTime(window.from)} to ${formatTime(window.to)} ${zoneName(window.to)}: ${plural(events.length, "event")}. Drag to zoom in, double-click to zoom out.`}
      </p>
    </>
  );
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const read = () => setWidth(Math.max(200, host.clientWidth));
    read();
    const seen = new ResizeObserver(read);
    seen.observe(host);
    return () => seen.disconnect();
  }, [box]);
  return width;
}
