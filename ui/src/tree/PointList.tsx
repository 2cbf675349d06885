/** Points as a flat list, page by page as one scrolls. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { api } from "../api/client";
import { plural } from "../format/number";
import { Empty, Guard } from "../parts/Messages";
import { PointCells } from "../parts/PointCells";
import { useNarrow, useRem } from "../parts/useRowHeight";
import { Link, pointHref } from "../router";
import { GridHead } from "./rows";

const PAGE = 200;

export function PointList({ search, prefix, quality }: { search: string; prefix: string; quality: "bad" | "" }) {
  const q = useInfiniteQuery({
    queryKey: ["points", search, prefix, quality],
    queryFn: ({ pageParam, signal }) => api.points({ search, prefix, quality, limit: PAGE, after: pageParam }, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
    refetchInterval: quality ? 10_000 : false,
  });
  const points = useMemo(() => q.data?.pages.flatMap((p) => p.points) ?? [], [q.data]);
  const total = q.data?.pages[0]?.total ?? 0;
  const box = useRef<HTMLDivElement>(null);
  const narrow = useNarrow();
  const height = Math.round(useRem() * (narrow ? 4.2 : 2.2));
  const list = useVirtualizer({ count: points.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 10 });
  const { measure } = list;
  useEffect(() => measure(), [height, measure]);
  const visible = list.getVirtualItems();
  const lastIndex = visible[visible.length - 1]?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = q;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && lastIndex > points.length - 60) void fetchNextPage();
  }, [lastIndex, points.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  return (
    <Guard query={q} what="the points">
      {points.length === 0 ? (
        <Empty title={quality ? "Everything here is Good." : "No point has this in its path or name."}>
          <p>{quality ? "A point whose value cannot be trusted would stand here, with the reason." : "Try a shorter part of the name: filler finds every point of the filler."}</p>
        </Empty>
      ) : (
        <>
          <p className="quiet count" role="status">
            {plural(total, "point")}
            {quality ? " not Good" : ""}
          </p>
          <div ref={box} className="grid" role="grid" aria-label="Points found" aria-rowcount={total + 1} tabIndex={0}>
            <GridHead first="Path" />
            <div className="grid-body" role="rowgroup" style={{ height: list.getTotalSize() }}>
              {visible.map((item) => {
                const point = points[item.index];
                return point ? (
                  <div key={point.path} className="grid-slot" role="presentation" style={{ height: item.size, transform: `translateY(${item.start}px)` }}>
                    <div className="grid-row" role="row" aria-rowindex={item.index + 2} data-path={point.path} data-kind="point">
                      <span role="gridcell" className="cell-name cell-path">
                        <Link to={pointHref(point.path)}>
                          <bdi>{point.path}</bdi>
                        </Link>
                      </span>
                      <PointCells point={point} />
                    </div>
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
