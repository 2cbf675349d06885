import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import type { QueryResult, Value } from "../api/types";
import { formatNumber } from "../format/number";
import { formatTime, zoneName } from "../format/time";
import { useRem } from "../parts/useRowHeight";
import { columnWidths, isTimeType, timeOf } from "./chart";

/** A cell as text; null stands for NULL. */
function cellText(value: Value | undefined, type: string): string | null {
  if (value === null || value === undefined) return null;
  if (isTimeType(type)) {
    const ms = timeOf(value);
    if (ms !== null) return formatTime(ms, { millis: true });
  }
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : formatNumber(value, 10);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function ResultTable({ result }: { result: QueryResult }) {
  const { columns, rows } = result;
  const box = useRef<HTMLDivElement>(null);
  const rem = useRem();
  const height = Math.round(rem * 1.9);
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 15 });
  const { measure } = list;
  useEffect(() => measure(), [height, measure]);
  const zone = zoneName();
  const heads = useMemo(() => columns.map((c) => (isTimeType(c.type) ? `${c.name} (${zone})` : c.name)), [columns, zone]);
  const template = useMemo(() => {
    const sample = rows.slice(0, 60).map((r) => columns.map((c, i) => cellText(r[i], c.type) ?? "NULL"));
    return columnWidths(heads, sample)
      .map((w) => `${(w * 0.57).toFixed(2)}rem`)
      .join(" ");
  }, [columns, rows, heads]);
  const numeric = columns.map((_, i) => typeof rows.find((r) => r[i] !== null)?.[i] === "number" && !isTimeType(columns[i]?.type ?? ""));
  return (
    <div ref={box} className="grid result" role="grid" aria-label="Result" aria-rowcount={rows.length + 1} tabIndex={0} data-testid="query-result">
      <div className="result-inner">
        <div className="grid-head" role="rowgroup">
          <div className="grid-row" role="row" style={{ gridTemplateColumns: template }}>
            {columns.map((c, i) => (
              <span key={i} role="columnheader" title={c.type} className={numeric[i] ? "numeric" : undefined}>
                {heads[i]}
              </span>
            ))}
          </div>
        </div>
        <div className="grid-body" role="rowgroup" style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map((item) => (
            <div key={item.key} className="grid-slot" role="presentation" style={{ height: item.size, transform: `translateY(${item.start}px)` }}>
              <div className="grid-row" role="row" aria-rowindex={item.index + 2} style={{ gridTemplateColumns: template }}>
                {columns.map((c, i) => {
                  const text = cellText(rows[item.index]?.[i], c.type);
                  return (
                    <span key={i} role="gridcell" className={`${numeric[i] ? "numeric" : ""} ${text === null ? "quiet" : ""}`} title={text ?? undefined}>
                      {text ?? "NULL"}
                    </span>
                  );
                })}
              </div>
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
