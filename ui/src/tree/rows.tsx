import { memo, type CSSProperties } from "react";
import { formatCount, plural } from "../format/number";
import { FirstFile } from "../parts/FirstFile";
import { PointCells } from "../parts/PointCells";
import { Term } from "../parts/Term";
import { assetHref, Link, pointHref } from "../router";
import type { Row } from "./flatten";

export const rowId = (path: string) => `row-${path.replace(/[^A-Za-z0-9_-]/g, ".")}`;

export function GridHead({ first }: { first: string }) {
  return (
    <div className="grid-head" role="rowgroup">
      <div className="grid-row" role="row">
        <span role="columnheader" className="cell-name">
          {first}
        </span>
        <span role="columnheader" className="cell-value">
          Value
        </span>
        <span role="columnheader" className="cell-quality">
          <Term k="quality" />
        </span>
        <span role="columnheader" className="cell-age">
          Measured
        </span>
      </div>
    </div>
  );
}

type Node = Extract<Row, { kind: "node" }>;

export const NodeRow = memo(function NodeRow({ row, active, index, onToggle }: { row: Node; active: boolean; index: number; onToggle: (path: string) => void }) {
  const { node } = row;
  const isPoint = node.kind === "point";
  return (
    <div
      id={rowId(row.path)}
      className={active ? "grid-row active" : "grid-row"}
      role="row"
      aria-level={row.depth}
      aria-posinset={row.position}
      aria-setsize={row.size}
      aria-rowindex={index + 2}
      aria-expanded={isPoint ? undefined : row.open}
      aria-selected={active}
      data-path={row.path}
      data-kind={node.kind}
      onClick={isPoint ? undefined : () => onToggle(row.path)}
      style={{ "--depth": row.depth } as CSSProperties}
    >
      <span role="gridcell" className="cell-name">
        {isPoint ? (
          <Link to={pointHref(row.path)} tabIndex={-1}>
            {node.segment}
          </Link>
        ) : (
          <>
            <span className="twist" aria-hidden="true">
              {row.open ? "−" : "+"}
            </span>
            {node.segment}
            {node.asset?.name && node.asset.name.toLowerCase() !== node.segment.toLowerCase() ? <span> {node.asset.name}</span> : null}
            {node.asset?.type ? <span className="quiet"> {node.asset.type}</span> : null}
          </>
        )}
        {isPoint && node.point && node.point.name !== node.segment ? <span className="quiet"> {node.point.name}</span> : null}
      </span>
      {isPoint && node.point ? <PointCells point={node.point} /> : <FolderCells node={node} open={row.open} />}
    </div>
  );
});

/** What is wrong is marked once: at the closed branch that holds it, not at every branch above. */
function FolderCells({ node, open }: { node: Node["node"]; open: boolean }) {
  const bad = node.bad ?? 0;
  return (
    <>
      <span role="gridcell" className="cell-value quiet">
        {plural(node.points ?? 0, "point")}
      </span>
      <span role="gridcell" className="cell-quality">
        {bad > 0 ? <span className={open ? "quality quality-good" : "quality quality-bad"}>{formatCount(bad)} bad</span> : <span className="quality quality-good">all Good</span>}
      </span>
      <span role="gridcell" className="cell-age">
        {node.asset ? (
          <Link to={assetHref(node.path)} onClick={(e) => e.stopPropagation()} aria-label={`Asset ${node.asset.name ?? node.segment}`}>
            asset
          </Link>
        ) : null}
      </span>
    </>
  );
}

export function EmptyPlant() {
  return <FirstFile sort="connection" title="No point is declared yet." />;
}
