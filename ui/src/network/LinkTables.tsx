/** Conversations, and the data that were touched in them. */
import type { FunctionRow, LinkRow, PointRow } from "../api/monitor";
import { formatBytes, formatCount } from "../format/number";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Age, Time } from "../parts/Time";
import { AssetName, AssetNames, Foreign } from "./Parts";
import { useProtocols } from "./useMonitor";
import { LINK_SEEN } from "./words";

/** Functions that do more than read: worth a look, and no alarm by themselves. */
const CHANGES = new Set(["write", "configure", "security", "download", "upload", "start", "stop", "restart"]);

function Functions({ functions }: { functions: FunctionRow[] }) {
  if (functions.length === 0) return <span className="quiet">not read</span>;
  return (
    <ul>
      {functions.slice(0, 8).map((f) => (
        <li key={`${f.function} ${f.name}`}>
          {CHANGES.has(f.effect) ? <b>{f.name}</b> : f.name} <span className="quiet">{formatCount(f.requests || f.answers)}</span>
          {f.refused ? <span className="quiet">, {formatCount(f.refused)} refused</span> : null}
        </li>
      ))}
      {functions.length > 8 && <li className="quiet">and {functions.length - 8} more</li>}
    </ul>
  );
}

/** The last time, and below it since when it is known. */
const Seen = ({ of }: { of: { first?: number | null; last?: number | null } }) => (
  <>
    <Age ms={of.last} />
    <div className="quiet small">
      first <Time ms={of.first} />
    </div>
  </>
);

/** `about`: the asset whose page this is; then only the other side is named. */
export function LinkTable({ links, about, names }: { links: LinkRow[]; about?: string; names?: Map<string, string> }) {
  const { name } = useProtocols();
  const ends: Column<LinkRow>[] = about
    ? [
        {
          head: "With",
          label: "With",
          cell: (l) => (
            <>
              <span className="quiet">{l.client === about ? "asks" : "is asked by"}</span> <AssetName id={l.client === about ? l.server : l.client} />
              {l.own && <div className="quiet small">this gateway asks</div>}
            </>
          ),
        },
      ]
    : [
        { head: "Who asks", label: "Who asks", cell: (l) => <AssetName id={l.client} name={names?.get(l.client)} /> },
        { head: "Who is asked", label: "Who is asked", cell: (l) => <AssetName id={l.server} name={names?.get(l.server)} /> },
      ];
  const columns: Column<LinkRow>[] = [
    ...ends,
    {
      head: "Protocol",
      label: "Protocol",
      cell: (l) => (
        <>
          {name(l.protocol)}
          {l.port ? <span className="quiet"> {l.port}</span> : null}
          {l.seen && l.seen !== "both" && <div className="small quiet">{LINK_SEEN[l.seen] ?? l.seen}</div>}
        </>
      ),
    },
    { head: "What for", label: "What for", wide: true, cell: (l) => <Functions functions={l.functions} /> },
    { head: "Changes", label: "Changes", numeric: true, cell: (l) => (l.changes ? <b>{formatCount(l.changes)}</b> : <span className="quiet">0</span>) },
    {
      head: "Traffic",
      label: "Traffic",
      numeric: true,
      cell: (l) => (
        <>
          {formatCount((l.packets_to_server ?? 0) + (l.packets_to_client ?? 0))} packets
          <div className="quiet small">{formatBytes((l.bytes_to_server ?? 0) + (l.bytes_to_client ?? 0))}</div>
          {l.malformed ? <Status tone="attention">{`${formatCount(l.malformed)} malformed`}</Status> : null}
        </>
      ),
    },
    { head: "Last", label: "Last and first seen", cell: (l) => <Seen of={l} /> },
  ];
  return <Table caption="Links" columns={columns} rows={links} rowKey={(l) => `${l.client} ${l.server} ${l.protocol} ${l.port ?? ""}`} />;
}

export function PointTable({ points }: { points: PointRow[] }) {
  const { name } = useProtocols();
  return (
    <Table
      caption="Data touched"
      rows={points.slice(0, 500)}
      rowKey={(p) => `${p.protocol} ${p.unit ?? ""} ${p.name}`}
      columns={[
        {
          head: "Data",
          label: "Data",
          wide: true,
          cell: (p) => (
            <>
              <Foreign>{p.name}</Foreign>
              <div className="quiet small">
                {name(p.protocol)}
                {p.unit === null || p.unit === undefined ? "" : `, unit ${p.unit}`}
                {p.others ? `; ${formatCount(p.others)} reads or writes by machines that are not listed, for lack of room` : ""}
              </div>
            </>
          ),
        },
        { head: "Reads", label: "Reads", numeric: true, cell: (p) => formatCount(p.reads) },
        { head: "Read by", label: "Read by", wide: true, cell: (p) => <AssetNames ids={p.readers} /> },
        { head: "Writes", label: "Writes", numeric: true, cell: (p) => (p.writes ? <b>{formatCount(p.writes)}</b> : <span className="quiet">0</span>) },
        { head: "Written by", label: "Written by", wide: true, cell: (p) => (p.writes ? <AssetNames ids={p.writers} /> : <span className="quiet">–</span>) },
        { head: "Last", label: "Last and first touched", cell: (p) => <Seen of={p} /> },
        { head: "Last written", label: "Last written", numeric: true, cell: (p) => (p.last_value === null || p.last_value === undefined ? <span className="quiet">–</span> : <span title="As on the wire, not scaled">{formatCount(p.last_value)} raw</span>) },
      ]}
    />
  );
}
