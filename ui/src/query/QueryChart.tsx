import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import { formatNumber } from "../format/number";
import { zoneName } from "../format/time";
import { useShownTheme } from "../settings";
import { tickLabels } from "../trend/ticks";
import { shorten, type Chart } from "./chart";

/** Lines are told apart by colour and by dash: not everybody sees colours. */
const DASHES: number[][] = [[], [8, 4], [2, 3], [12, 4, 2, 4], [], [8, 4], [2, 3], [12, 4, 2, 4]];
const colourOf = (i: number) => `--line-${i + 1}`;

export function QueryChart({ chart }: { chart: Chart }) {
  const box = useRef<HTMLDivElement>(null);
  const theme = useShownTheme();
  const names = useMemo(() => shorten(chart.lines.map((l) => l.name)), [chart]);
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const style = getComputedStyle(host);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 15;
    const font = `${Math.round(rem * 0.85)}px ${style.fontFamily}`;
    const axis = { stroke: colour("--quiet"), font, grid: { stroke: colour("--trend-grid"), width: 1 }, ticks: { stroke: colour("--trend-grid"), width: 1 } };
    const size = () => ({ width: Math.max(120, host.clientWidth), height: Math.max(120, host.clientHeight) });
    const u = new uPlot(
      {
        ...size(),
        ms: 1,
        legend: { show: false },
        padding: [rem * 0.6, rem * 0.8, 0, 0],
        axes: [
          { ...axis, space: rem * 6, size: rem * 3.6, values: (_u, splits, _a, _s, step) => tickLabels(splits, step) },
          { ...axis, size: rem * 5, values: (_u, splits) => splits.map((v) => formatNumber(v, 8)) },
        ],
        series: [
          {},
          ...chart.lines.map((_, i) => ({ stroke: colour(colourOf(i)), width: Math.max(1.5, rem / 10), dash: DASHES[i] ?? [], spanGaps: true })),
        ],
      },
      [chart.x, ...chart.lines.map((l) => l.y)] as uPlot.AlignedData,
      host,
    );
    const resize = new ResizeObserver(() => u.setSize(size()));
    resize.observe(host);
    return () => {
      resize.disconnect();
      u.destroy();
    };
  }, [chart, theme]);
  return (
    <figure className="query-figure">
      <div ref={box} className="query-chart" role="img" aria-label={`Chart of ${names.join(", ")} over time`} />
      <figcaption>
        {names.map((name, i) => (
          <span key={chart.lines[i]?.name ?? i} className="legend">
            <svg className="legend-line" width="32" height="10" aria-hidden="true">
              <line x1="0" y1="5" x2="32" y2="5" stroke={`var(${colourOf(i)})`} strokeWidth="2.5" strokeDasharray={(DASHES[i] ?? []).join(" ")} />
            </svg>
            {name}
          </span>
        ))}
        <span className="quiet">
          {chart.left > 0 ? `${chart.left} more lines are only in the table. ` : ""}Times in {zoneName()}. Drag to zoom, double click to see all.
        </span>
      </figcaption>
    </figure>
  );
}
