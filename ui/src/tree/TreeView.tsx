/** The tree itself: a virtual list with the keyboard of a tree (WAI-ARIA treegrid). */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent } from "react";
import { ErrorBox } from "../parts/Messages";
import { useNarrow, useRem } from "../parts/useRowHeight";
import { Link, namespaceHref, navigate, pointHref } from "../router";
import { ancestors, arrow, type Row } from "./flatten";
import { EmptyPlant, GridHead, NodeRow, rowId } from "./rows";
import { useTree } from "./useTree";

/** What was open stays open while one looks at a point and comes back. */
const remembered = { open: new Set<string>(), active: "", scroll: 0 };

export function TreeView({ initial }: { initial: string }) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set([...remembered.open, ...ancestors(initial)]));
  const [active, setActive] = useState(initial || remembered.active);
  const { rows, retry } = useTree("", open);
  const box = useRef<HTMLDivElement>(null);
  const narrow = useNarrow();
  const height = Math.round(useRem() * (narrow ? 3.5 : 2.2));
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 12, initialOffset: initial ? 0 : remembered.scroll });
  const { measure, scrollToIndex } = list;

  useEffect(() => measure(), [height, measure]);
  useEffect(() => {
    remembered.open = new Set(open);
    remembered.active = active;
  }, [open, active]);
  // A single folder at the top hides the plant behind two clicks: open it by itself.
  useEffect(() => {
    const only = rows.filter((r) => r.kind === "node");
    const last = only[only.length - 1];
    if (only.length <= 3 && last?.kind === "node" && last.size === 1 && last.node.kind !== "point" && !last.open && !closedByHand.has(last.path)) {
      setOpen((o) => new Set(o).add(last.path));
    }
  }, [rows]);

  const toInitial = useRef(initial !== "");
  const index = useMemo(() => rows.findIndex((r) => r.kind === "node" && r.path === active), [rows, active]);
  useEffect(() => {
    if (!toInitial.current || index < 0) return;
    toInitial.current = false;
    scrollToIndex(index, { align: "start" });
  }, [index, scrollToIndex]);

  const toggle = (path: string, wanted?: boolean) => {
    setActive(path);
    setOpen((o) => {
      const next = new Set(o);
      const opens = wanted ?? !next.has(path);
      if (opens) next.add(path);
      else {
        next.delete(path);
        closedByHand.add(path);
      }
      return next;
    });
    history.replaceState(null, "", namespaceHref(path));
  };
  const key = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const here = rows[index];
    if (e.key === "Enter" || e.key === " ") {
      if (here?.kind !== "node") return;
      e.preventDefault();
      if (here.node.kind === "point") navigate(pointHref(here.path));
      else toggle(here.path);
      return;
    }
    const move = arrow(e.key, rows, active, Math.max(1, Math.floor((box.current?.clientHeight ?? 400) / height) - 1));
    if (!move) return;
    e.preventDefault();
    if ("open" in move) toggle(move.open, true);
    else if ("close" in move) toggle(move.close, false);
    else {
      setActive(move.to);
      scrollToIndex(
        rows.findIndex((r) => r.kind === "node" && r.path === move.to),
        { align: "auto" },
      );
    }
  };

  const first = rows[0];
  if (rows.length === 1 && first?.kind === "error") return <ErrorBox error={first.error} onRetry={() => retry("")} />;
  if (rows.length === 1 && first?.kind === "empty") return <EmptyPlant />;
  const visible = list.getVirtualItems();
  const roots = rows.filter((r) => r.kind === "node" && r.depth === 1);
  return (
    <>
      {roots.length === 1 && roots[0]?.path === "_ironbridge" && <EmptyPlant />}
      <div
        ref={box}
        className="grid"
        role="treegrid"
        aria-label="Namespace"
        aria-rowcount={rows.length + 1}
        aria-activedescendant={index >= 0 && visible.some((v) => v.index === index) ? rowId(active) : undefined}
        tabIndex={0}
        onKeyDown={key}
        onScroll={(e) => {
          remembered.scroll = e.currentTarget.scrollTop;
        }}
      >
        <GridHead first="Name" />
        <div className="grid-body" role="rowgroup" style={{ height: list.getTotalSize() }}>
          {visible.map((item) => {
            const row = rows[item.index];
            return row ? (
              <div key={row.kind === "node" ? row.path : `${row.kind}:${row.path}`} className="grid-slot" role="presentation" style={{ height: item.size, transform: `translateY(${item.start}px)` }}>
                <AnyRow row={row} active={row.kind === "node" && row.path === active} index={item.index} onToggle={toggle} onRetry={retry} />
              </div>
            ) : null;
          })}
        </div>
      </div>
    </>
  );
}

const closedByHand = new Set<string>();

function AnyRow(props: { row: Row; active: boolean; index: number; onToggle: (path: string) => void; onRetry: (prefix: string) => void }) {
  const { row } = props;
  if (row.kind === "node") return <NodeRow row={row} active={props.active} index={props.index} onToggle={props.onToggle} />;
  return (
    <div className="grid-row" role="row" aria-level={row.depth} style={{ "--depth": row.depth } as CSSProperties}>
      <span role="gridcell" className="cell-name quiet">
        {row.kind === "loading" && "Reading …"}
        {row.kind === "empty" && "Nothing below here"}
        {row.kind === "more" && (
          <>
            There are more here than one list holds: <Link to={`/namespace?prefix=${encodeURIComponent(row.path)}`}>show all as a list</Link>
          </>
        )}
        {row.kind === "error" && (
          <>
            Could not be read.{" "}
            <button type="button" onClick={() => props.onRetry(row.path)}>
              Try again
            </button>
          </>
        )}
      </span>
    </div>
  );
}
