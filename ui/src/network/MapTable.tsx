/** The map as two tables: for the keyboard, for small screens, for reading out. */
import { useState } from "react";
import type { MapEdge, MapNode, NetworkMap } from "../api/monitor";
import { formatBytes, formatCount, plural } from "../format/number";
import { Panel } from "../parts/Page";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Age } from "../parts/Time";
import { AssetName, Protocols, Worst } from "./Parts";
import { edgeKey, type Shown } from "./sift";
import { byAddress, levelName, roleWords, zoneName } from "./words";

const STEP = 100;

export function MapTable({ map, shown }: { map: NetworkMap; shown: Shown }) {
  const names = new Map(map.nodes.map((n) => [n.id, n.label]));
  const links = new Map<string, number>();
  for (const e of map.edges) for (const end of [e.client, e.server]) links.set(end, (links.get(end) ?? 0) + 1);
  const nodes = map.nodes.filter((n) => shown.nodes.has(n.id)).sort((a, b) => (b.level ?? -1) - (a.level ?? -1) || a.zone.localeCompare(b.zone) || byAddress(a, b));
  const edges = map.edges.filter((e) => shown.edges.has(edgeKey(e))).sort((a, b) => (b.worst ?? 0) * Math.sign(b.findings) - (a.worst ?? 0) * Math.sign(a.findings) || (b.packets ?? 0) - (a.packets ?? 0));
  const nodeColumns: Column<MapNode>[] = [
    { head: <Term k="purdue" />, label: "Level", cell: (n) => levelName(n.level) },
    { head: <Term k="zone" />, label: "Zone", cell: (n) => zoneName(n.zone) },
    { head: "Asset", label: "Asset", cell: (n) => <AssetName id={n.id} name={n.label} /> },
    { head: "Role", label: "Role", cell: roleWords },
    { head: "Approved", label: "Approved", cell: (n) => (n.approved ? <span className="quiet">yes</span> : <Status tone="off">not yet</Status>) },
    { head: "Links", label: "Links", numeric: true, cell: (n) => formatCount(links.get(n.id) ?? 0) },
    { head: "Findings", label: "Findings", cell: (n) => <Worst findings={n.findings} worst={n.worst} /> },
  ];
  const edgeColumns: Column<MapEdge>[] = [
    { head: "Who asks", label: "Who asks", cell: (e) => <AssetName id={e.client} name={names.get(e.client)} /> },
    { head: "Who is asked", label: "Who is asked", cell: (e) => <AssetName id={e.server} name={names.get(e.server)} /> },
    {
      head: "Protocols",
      label: "Protocols",
      wide: true,
      cell: (e) => (
        <>
          <Protocols keys={e.protocols} />
          {(e.encrypted || e.one_way) && <span className="quiet">{e.encrypted ? ", encrypted" : ""}{e.one_way ? ", one direction only" : ""}</span>}
        </>
      ),
    },
    { head: "Changes", label: "Changes", numeric: true, cell: (e) => (e.changes ? <b>{formatCount(e.changes)}</b> : <span className="quiet">0</span>) },
    { head: "Traffic", label: "Traffic", numeric: true, cell: (e) => `${formatCount(e.packets)} packets, ${formatBytes(e.bytes)}` },
    { head: "Findings", label: "Findings", cell: (e) => <Worst findings={e.findings} worst={e.worst} /> },
    { head: "Last", label: "Last", cell: (e) => <Age ms={e.last} /> },
  ];
  return (
    <>
      <Panel title="Assets" id="map-assets" aside={<span className="quiet">{plural(nodes.length, "asset")}</span>}>
        <Some caption="Assets on the map" rows={nodes} columns={nodeColumns} rowKey={(n) => n.id} />
      </Panel>
      <Panel title="Links" id="map-links" aside={<span className="quiet">{plural(edges.length, "link")}</span>}>
        <Some caption="Links on the map" rows={edges} columns={edgeColumns} rowKey={edgeKey} />
      </Panel>
    </>
  );
}

function Some<R>({ caption, rows, columns, rowKey }: { caption: string; rows: R[]; columns: Column<R>[]; rowKey: (row: R) => string }) {
  const [room, setRoom] = useState(STEP);
  if (rows.length === 0) return <p className="quiet">Nothing matches the filters.</p>;
  return (
    <>
      <Table caption={caption} columns={columns} rows={rows.slice(0, room)} rowKey={rowKey} />
      {rows.length > room && (
        <button type="button" onClick={() => setRoom(room + STEP)}>
          Show {formatCount(Math.min(STEP, rows.length - room))} more
        </button>
      )}
    </>
  );
}
