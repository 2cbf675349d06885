import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import type { Connection } from "../api/types";
import { formatCount, formatNumber, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { FirstFile } from "../parts/FirstFile";
import { Guard } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Status, toneOf } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { For } from "../parts/Time";
import { useReveal } from "../parts/useReveal";
import { Link, useSearch } from "../router";
import { CertificatesPanel, useCertificates } from "./ConnectionCertificates";
import { ConnectionDetail } from "./ConnectionDetail";

const sum = (numbers: (number | null | undefined)[]) => numbers.reduce<number>((a, b) => a + (b ?? 0), 0);
export const faultsOf = (c: Connection) => sum(Object.values(c.faults));
export const overrunsOf = (c: Connection) => sum(c.scans.map((s) => s.overruns));

export function Connections() {
  const q = useQuery({ queryKey: ["connections"], queryFn: ({ signal }) => api.connections({ signal }), refetchInterval: 2000 });
  const wanted = useSearch().get("name");
  const all = q.data ?? [];
  const chosen = all.find((c) => c.name === wanted) ?? (all.length === 1 ? all[0] : undefined);
  const { any, undecided } = useCertificates();
  const shows = any || all.some((c) => c.kind.startsWith("opc-ua"));
  const detail = useReveal<HTMLDivElement>(wanted && chosen ? wanted : null);
  return (
    <Page title="Connections" lead={<p>Links to machines: one line per endpoint.</p>}>
      <Guard query={q} what="the connections">
        {all.length === 0 ? (
          <>
            {undecided && <CertificatesPanel />}
            <FirstFile sort="connection" title="No machine is connected yet." />
          </>
        ) : (
          <>
            <Panel title="All connections" id="all-connections">
              <Table
                caption="All connections"
                columns={columns}
                rows={all}
                rowKey={(c) => c.name}
                rowClass={(c) => `row-${rowTone(c)}${c === chosen ? " selected" : ""}`}
              />
            </Panel>
            {undecided && <CertificatesPanel />}
            {chosen ? (
              <div ref={detail} className="detail">
                <ConnectionDetail connection={chosen} />
              </div>
            ) : (
              <>
                {wanted && <Elsewhere name={wanted} />}
                <p className="quiet">Choose a connection by its name to see its devices, scans, faults and refused addresses.</p>
              </>
            )}
          </>
        )}
        {shows && !undecided && <CertificatesPanel />}
      </Guard>
    </Page>
  );
}

/** Events name connections and destinations alike: a link to the wrong one of the two leads on. */
function Elsewhere({ name }: { name: string }) {
  return (
    <p className="notice">
      No connection is called {name}. <Link to={`/destinations?name=${encodeURIComponent(name)}`}>Look among the destinations</Link>, or search the{" "}
      <Link to={`/events?search=${encodeURIComponent(name)}`}>events</Link>.
    </p>
  );
}

/** A device in trouble marks its connection, though the link itself is up. */
function rowTone(c: Connection): string {
  const own = toneOf(c.state);
  return own === "normal" && c.devices.some((d) => d.state === "demoted" || d.state === "waiting") ? "attention" : own;
}

const columns: Column<Connection>[] = [
  {
    head: "Name",
    label: "Name",
    cell: (c) => (
      <>
        <Link to={`/connections?name=${encodeURIComponent(c.name)}`}>{c.name}</Link>
        <div className="quiet small">{c.kind}</div>
      </>
    ),
  },
  {
    head: "State",
    label: "State",
    cell: (c) => {
      const troubled = c.devices.filter((d) => d.state !== "ok" && d.state !== "paused").length;
      return (
        <>
          <Status state={c.state} /> <For ms={c.since} />
          {troubled > 0 && c.state === "connected" && (
            <div className="small">
              <Status tone="attention">{`${plural(troubled, "device")} not answering`}</Status>
            </div>
          )}
        </>
      );
    },
  },
  { head: "Points", label: "Points", numeric: true, cell: (c) => formatCount(c.points) },
  {
    head: "Bad",
    label: "Bad",
    numeric: true,
    cell: (c) => (c.bad ? <b>{formatCount(c.bad)}</b> : <span className="quiet">{formatCount(c.bad)}</span>),
  },
  { head: <Term k="requests" />, label: "Requests/s", numeric: true, cell: (c) => perSecond(c.requests_per_s) },
  {
    head: <Term k="responseP50" />,
    label: "Response p50 / p99",
    numeric: true,
    cell: (c) => (c.response_ms ? `${ms(c.response_ms.p50)} / ${ms(c.response_ms.p99)}` : "–"),
  },
  { head: <Term k="overrun" />, label: "Overruns", numeric: true, cell: (c) => formatCount(overrunsOf(c)) },
  { head: "Faults", label: "Faults", numeric: true, cell: (c) => formatCount(faultsOf(c)) },
  { head: "Endpoint", label: "Endpoint", wide: true, cell: (c) => <span className="mono">{c.endpoint ?? "–"}</span> },
];

export const perSecond = (n: number | null | undefined) => (n === null || n === undefined ? "–" : `${formatNumber(n, 3)} /s`);
export const ms = (n: number | null | undefined) => (n === null || n === undefined ? "–" : n >= 1000 ? formatDuration(n / 1000) : `${formatNumber(n, 3)} ms`);
