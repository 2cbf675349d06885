/** Every sample of the window, newest first, as it was recorded. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { api } from "../api/client";
import type { PointDetail, Value } from "../api/types";
import { formatCount } from "../format/number";
import { formatTime, zoneName } from "../format/time";
import { formatUnit } from "../format/unit";
import { formatValue } from "../format/value";
import { Empty, Guard } from "../parts/Messages";
import { Quality } from "../parts/Quality";
import { Term } from "../parts/Term";
import { useNarrow, useRem } from "../parts/useRowHeight";
import type { Window } from "../trend/zoom";

const PAGE = 1000;
interface Sample {
  time: number;
  received: number | null | undefined;
  seq: string;
  value: Value;
  quality: string;
  good: boolean;
  historical: boolean;
}

export function RawTable({ detail, window }: { detail: PointDetail; window: Window }) {
  const { path } = detail.point;
  const from = Math.floor(window.from);
  const to = Math.ceil(window.to);
  const q = useInfiniteQuery({
    queryKey: ["range", path, from, to],
    queryFn: ({ pageParam, signal }) => api.range({ path, from, to: pageParam, limit: PAGE, order: "desc" }, { signal }),
    initialPageParam: to,
    // Samples can share a time, so the next page begins with the last time again and doubles are dropped by their seq.
    getNextPageParam: (last) => (last.more ? last.time[last.time.length - 1] : undefined),
    gcTime: 30_000,
  });
  const samples = useMemo(() => {
    const seen = new Set<string>();
    const all: Sample[] = [];
    for (const p of q.data?.pages ?? []) {
      p.time.forEach((time, i) => {
        const seq = p.seq[i] ?? "";
        const key = `${time}/${seq}`;
        if (seen.has(key)) return;
        seen.add(key);
        all.push({ time, received: p.received[i], seq, value: p.value[i] ?? null, quality: p.quality[i] ?? "", good: p.good[i] ?? false, historical: p.historical[i] ?? false });
      });
    }
    return all;
  }, [q.data]);

  const box = useRef<HTMLDivElement>(null);
  const narrow = useNarrow();
  const height = Math.round(useRem() * (narrow ? 3.6 : 1.9));
  const list = useVirtualizer({ count: samples.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 12 });
  const { measure } = list;
  useEffect(() => measure(), [height, measure]);
  const visible = list.getVirtualItems();
  const lastIndex = visible[visible.length - 1]?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = q;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && lastIndex > samples.length - 80) void fetchNextPage();
  }, [lastIndex, samples.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const unit = formatUnit(detail.point.unit);
  return (
    <Guard query={q} what="the samples">
      {samples.length === 0 ? (
        <Empty title="No sample in this window.">
          <p>Choose a wider window above the trend.</p>
        </Empty>
      ) : (
        <>
          <p className="quiet">
            {formatCount(samples.length)}
            {hasNextPage ? " and more" : ""} samples, newest first, {formatTime(from)} to {formatTime(to)} {zoneName(to)}
          </p>
          <div ref={box} className="grid raw" role="grid" aria-label="Samples" aria-rowcount={hasNextPage ? -1 : samples.length + 1} tabIndex={0}>
            <div className="grid-head" role="rowgroup">
              <div className="grid-row" role="row">
                <span role="columnheader">
                  <Term k="sourceTime" /> ({zoneName(to)})
                </span>
                <span role="columnheader">
                  <Term k="receiveTime">Received after</Term>
                </span>
                <span role="columnheader" className="cell-value">
                  Value{unit && ` (${unit})`}
                </span>
                <span role="columnheader">Quality</span>
              </div>
            </div>
            <div className="grid-body" role="rowgroup" style={{ height: list.getTotalSize() }}>
              {visible.map((item) => {
                const s = samples[item.index];
                return s ? (
                  <div key={item.key} className="grid-slot" role="presentation" style={{ height: item.size, transform: `translateY(${item.start}px)` }}>
                    <Row s={s} index={item.index} detail={detail} />
                  </div>
                ) : null;
              })}
            </div>
          </div>
        </>
      )}
    </Guard>
  );
}

function Row({ s, index, detail }: { s: Sample; index: number; detail: PointDetail }) {
  const delay = s.received === null || s.received === undefined ? "–" : `${Math.round(s.received - s.time).toLocaleString()} ms`;
  return (
    <div className="grid-row" role="row" aria-rowindex={index + 2}>
      <span role="gridcell">{formatTime(s.time, { millis: true })}</span>
      <span role="gridcell" className="quiet">
        {delay}
      </span>
      <span role="gridcell" className="cell-value">
        <span className={s.good ? "value" : s.value === null ? "value none" : "value stale"}>{formatValue(s.value, detail.point.type, detail.states)}</span>
      </span>
      <span role="gridcell">
        <Quality quality={s.quality} good={s.good} />
        {s.historical && (
          <>
            {" "}
            <Term k="historical">historical</Term>
          </>
        )}
      </span>
    </div>
  );
}
