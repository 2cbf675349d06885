import type { Finding } from "../api/monitor";
import { formatCount } from "../format/number";
import { severityWords } from "../format/severity";
import { Prose } from "../parts/Prose";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Age, Time } from "../parts/Time";
import { findingHref, Link, pointHref } from "../router";
import { AssetName, FindingSeverity } from "./Parts";

const columns: Column<Finding>[] = [
  { head: <Term k="severity" />, label: "Severity", cell: (f) => <FindingSeverity finding={f} /> },
  {
    head: "Finding",
    label: "Finding",
    wide: true,
    cell: (f) => (
      <>
        <Link to={findingHref(f.id)} className="finding-title">
          <b>
            <Prose>{f.title}</Prose>
          </b>
        </Link>
        <div>
          {f.target && f.target !== f.source ? (
            <>
              <AssetName id={f.source} name={f.source_name} /> to <AssetName id={f.target} name={f.target_name} />
            </>
          ) : (
            <>
              by <AssetName id={f.source} name={f.source_name} />
            </>
          )}
        </div>
        {f.path && (
          <div className="small">
            concerns <Link to={pointHref(f.path)}>{f.path}</Link>
          </div>
        )}
        {f.state === "open" && f.next && (
          <div>
            <b>Next step:</b> <Prose>{f.next}</Prose>
          </div>
        )}
      </>
    ),
  },
  { head: "State", label: "State", cell: (f) => <StateOf finding={f} /> },
  { head: "Times", label: "Times", numeric: true, cell: (f) => `${formatCount(f.count)}×` },
  { head: "Last", label: "Last", cell: (f) => <Age ms={f.last} /> },
  { head: "Rule", label: "Rule", cell: (f) => <span className="mono small nowrap">{f.rule}</span> },
];

export function StateOf({ finding: f }: { finding: Finding }) {
  if (f.state === "muted")
    return (
      <>
        muted until <Time ms={f.muted?.until} />
      </>
    );
  if (f.state === "acknowledged") return <>acknowledged{f.acknowledged?.by ? ` by ${f.acknowledged.by}` : ""}</>;
  if (f.window) return <>{f.state}, expected work {f.window}</>;
  return <>{f.state}</>;
}

export function FindingTable({ findings }: { findings: Finding[] }) {
  return <Table caption="Findings" columns={columns} rows={findings} rowKey={(f) => f.id} rowClass={(f) => (f.state === "open" ? `row-${severityWords(f.severity).level}` : "")} />;
}
