/** uPlot in React: one chart, its data and window set from outside, gestures reported to the outside. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { formatNumber } from "../format/number";
import { useShownTheme } from "../settings";
import { gestures } from "./gestures";
import type { Columns, Stretch } from "./series";
import { tickLabels } from "./ticks";
import type { Window } from "./zoom";

export interface TrendChartProps {
  columns: Columns;
  bad: Stretch[];
  window: Window;
  unit: string;
  states: Record<string, string> | null;
  range: [number, number] | null;
  stepped: boolean;
  onRange: (from: number, to: number) => void;
  /** Anchor 0 (left) to 1 (right). */
  onZoom: (factor: number, anchor: number) => void;
  onPan: (part: number) => void;
  onCursor: (index: number | null) => void;
}

export function TrendChart(props: TrendChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const theme = useShownTheme();
  const { stepped, unit } = props;
  const statesKey = JSON.stringify(props.states);

  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const u = new uPlot(optionsFor(host, latest), latest.current.columns as uPlot.AlignedData, host);
    plot.current = u;
    setWindow(u, latest.current.window);
    const resize = new ResizeObserver(() => u.setSize(sizeOf(host)));
    resize.observe(host);
    const undo = gestures(u.over, latest);
    return () => {
      undo();
      resize.disconnect();
      u.destroy();
      plot.current = null;
    };
    // Colours, fonts and the kind of line are built in; everything else is set below.
  }, [theme, stepped, unit, statesKey]);

  useEffect(() => {
    const u = plot.current;
    if (!u) return;
    u.batch(() => {
      u.setData(props.columns as uPlot.AlignedData, false);
      setWindow(u, props.window);
    });
  }, [props.columns, props.window, props.bad, theme, stepped, unit, statesKey]);

  return <div ref={box} className="trend-canvas" />;
}

function setWindow(u: uPlot, window: Window): void {
  u.setScale("x", { min: window.from, max: window.to });
}

function sizeOf(host: HTMLElement): { width: number; height: number } {
  return { width: Math.max(120, host.clientWidth), height: Math.max(120, host.clientHeight) };
}

type Latest = { readonly current: TrendChartProps };

function optionsFor(host: HTMLElement, latest: Latest): uPlot.Options {
  const style = getComputedStyle(host);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 15;
  const font = `${Math.round(rem * 0.85)}px ${style.fontFamily}`;
  const { stepped, states } = latest.current;
  const axis = { stroke: colour("--quiet"), font, grid: { stroke: colour("--trend-grid"), width: 1 }, ticks: { stroke: colour("--trend-grid"), width: 1 } };
  const paths = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const line: uPlot.Series = { stroke: colour("--trend"), width: Math.max(1.5, rem / 10), points: { size: Math.max(4, rem / 3) }, ...(paths ? { paths } : {}) };
  const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
  return {
    ...sizeOf(host),
    ms: 1,
    legend: { show: false },
    padding: [rem * 0.6, rem * 0.8, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: rem / 2 } },
    scales: {
      x: { time: true, range: (_u, min, max) => [min, max] },
      y: { range: (_u, min, max) => yRange(min, max, latest.current) },
    },
    axes: [
      { ...axis, space: rem * 6, size: rem * 3.6, values: (_u, splits, _axis, _space, step) => tickLabels(splits, step) },
      {
        ...axis,
        space: rem * 2.2,
        size: (u, values) => axisWidth(u, values, font, rem),
        // A number without its state word would have to be looked up elsewhere.
        values: (_u, splits) => splits.map((v) => (states ? (Number.isInteger(v) ? (states[String(v)] ?? "") : "") : formatNumber(v, 8))),
        ...(states ? { incrs: [1, 2, 5, 10] } : {}),
      },
    ],
    series: [{}, edge, edge, line],
    bands: [{ series: [1, 2], fill: colour("--trend-band") }],
    hooks: {
      drawClear: [(u) => shade(u, latest.current.bad, colour("--bad-shade"), colour("--bad-hatch"))],
      setSelect: [
        (u) => {
          if (u.select.width < 5) return;
          const from = u.posToVal(u.select.left, "x");
          const to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onRange(from, to);
        },
      ],
      setCursor: [(u) => latest.current.onCursor(u.cursor.idx ?? null)],
    },
  };
}

/** Room around the line; a flat line lies in the middle; states show all their words. */
function yRange(min: number | null, max: number | null, p: TrendChartProps): [number, number] {
  if (p.states) {
    const keys = Object.keys(p.states).map(Number).filter(Number.isFinite);
    return [Math.min(min ?? 0, ...keys) - 0.5, Math.max(max ?? 1, ...keys) + 0.5];
  }
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return p.range ?? [0, 1];
  const room = max > min ? (max - min) * 0.08 : Math.max(Math.abs(max) * 0.05, 0.5);
  return [min - room, max + room];
}

function axisWidth(u: uPlot, values: string[] | null, font: string, rem: number): number {
  u.ctx.font = font;
  const widest = (values ?? []).reduce((w, v) => Math.max(w, u.ctx.measureText(v).width), 0);
  return Math.ceil(widest) + rem * 1.6;
}

/** Hatches what is not Good; a partly bad bucket is fainter. */
function shade(u: uPlot, stretches: Stretch[], fill: string, hatch: string): void {
  const { ctx, bbox } = u;
  if (stretches.length === 0) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const ratio = window.devicePixelRatio || 1;
  for (const s of stretches) {
    const a = Math.max(bbox.left, u.valToPos(s.from, "x", true));
    const b = Math.min(bbox.left + bbox.width, Math.max(u.valToPos(s.to, "x", true), a + ratio));
    if (b <= bbox.left || a >= bbox.left + bbox.width) continue;
    ctx.globalAlpha = 0.25 + 0.75 * s.share;
    ctx.fillStyle = fill;
    ctx.fillRect(a, bbox.top, b - a, bbox.height);
    if (b - a < 3 * ratio) {
      ctx.fillStyle = hatch;
      ctx.fillRect(a, bbox.top, b - a, bbox.height);
      continue;
    }
    lines(ctx, a, b, bbox.top, bbox.height, hatch, ratio);
  }
  ctx.restore();
}

function lines(ctx: CanvasRenderingContext2D, a: number, b: number, top: number, height: number, colour: string, ratio: number): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(a, top, b - a, height);
  ctx.clip();
  ctx.beginPath();
  ctx.strokeStyle = colour;
  ctx.lineWidth = ratio;
  const gap = 9 * ratio;
  // Phase by absolute position, so that the hatching does not swim while a live trend moves.
  for (let x = Math.floor((a - height) / gap) * gap; x < b; x += gap) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}
