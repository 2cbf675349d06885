/** Events in a table: how urgent, what happened, what to do, when, who says so. */
import type { PlantEvent } from "../api/types";
import { severityWords } from "../format/severity";
import { formatDuration } from "../format/time";
import { Link } from "../router";
import { Kind, Refs, Severity } from "./Event";
import { Prose } from "./Prose";
import { Table, type Column } from "./Table";
import { Term } from "./Term";
import { Age, Time, Zone } from "./Time";

/** A connection or destination leads to its page. */
function Source({ of }: { of: string | null | undefined }) {
  const [page, name] = (of ?? "").split("/");
  return name && (page === "connection" || page === "destination") ? <Link to={`/${page}s?name=${encodeURIComponent(name)}`}>{of}</Link> : <>{of ?? "–"}</>;
}

export function EventTable({ events }: { events: PlantEvent[] }) {
  return (
    <Table
      caption="Events"
      columns={columns}
      rows={events}
      rowKey={(e) => `${e.id}/${e.revision ?? 0}`}
      rowClass={(e) => (e.state === "active" ? `row-${severityWords(e.severity).level}` : "")}
    />
  );
}

const columns: Column<PlantEvent>[] = [
  { head: <Term k="severity" />, label: "Severity", cell: (e) => <Severity event={e} /> },
  { head: "Kind", label: "Kind", cell: (e) => <Kind event={e} /> },
  {
    head: "Event",
    label: "Event",
    wide: true,
    cell: (e) => (
      <>
        <b>
          <Prose>{e.title}</Prose>
        </b>
        {e.text && (
          <div className="quiet">
            <Prose>{e.text}</Prose>
          </div>
        )}
        {e.next && e.state === "active" && (
          <div>
            <b>Next step:</b> <Prose>{e.next}</Prose>
          </div>
        )}
        <Refs event={e} />
      </>
    ),
  },
  { head: "State", label: "State", cell: (e) => e.state ?? "–" },
  {
    head: (
      <>
        Start
        <Zone />
      </>
    ),
    label: "Start",
    cell: (e) => <Time ms={e.start} />,
  },
  {
    head: "Age or length",
    label: "Age or length",
    numeric: true,
    cell: (e) => (e.end && e.start ? `lasted ${formatDuration((e.end - e.start) / 1000)}` : <Age ms={e.start} />),
  },
  { head: "Source", label: "Source", cell: (e) => <Source of={e.source} /> },
];
