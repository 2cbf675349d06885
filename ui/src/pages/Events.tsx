import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { PlantEvent } from "../api/types";
import { SEVERITY_BANDS, severityWords } from "../format/severity";
import { formatDuration } from "../format/time";
import { Kind, Refs, Severity } from "../parts/Event";
import { Empty, Guard } from "../parts/Messages";
import { Page } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Age, Time, Zone } from "../parts/Time";
import { Link, setSearch, useSearch } from "../router";

const KINDS = [
  ["alarm", "Alarms (process)"],
  ["finding", "Findings (security)"],
  ["fault", "Faults (gateway, links)"],
  ["interval", "Intervals (batch, shift)"],
  ["change", "Changes (who did what)"],
] as const;

export function Events() {
  const search = useSearch();
  const kind = search.get("kind") ?? "";
  const active = search.get("active") === "1";
  const severity = search.get("severity") ?? "";
  const asked = search.get("search") ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => {
    if (text === asked) return;
    const timer = setTimeout(() => setSearch({ search: text.trim() || null }), 250);
    return () => clearTimeout(timer);
  }, [text, asked]);

  const q = useInfiniteQuery({
    queryKey: ["events", kind, active, severity, asked],
    queryFn: ({ pageParam, signal }) =>
      api.events({ kind, active, severity_min: severity ? Number(severity) : "", search: asked, limit: 100, before: pageParam }, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
    // Only the first page renews itself: one who reads far back is not disturbed.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : 3000),
  });
  const events = q.data?.pages.flatMap((p) => p.events) ?? [];
  const filtered = kind !== "" || active || severity !== "" || asked !== "";
  return (
    <Page title="Events" lead={<p>What happened in the plant, on the network and in the gateway, newest first.</p>}>
      <div className="form-row filters" role="search" aria-label="Events">
        <label>
          <span>
            Search <span className="quiet">(key /)</span>
          </span>
          <input type="search" value={text} placeholder="word in the title, source or path" onChange={(e) => setText(e.target.value)} />
        </label>
        <label>
          Kind
          <select value={kind} onChange={(e) => setSearch({ kind: e.target.value })}>
            <option value="">All kinds</option>
            {KINDS.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Severity
          <select value={severity} onChange={(e) => setSearch({ severity: e.target.value })}>
            <option value="">All severities</option>
            {SEVERITY_BANDS.map((b) => (
              <option key={b.min} value={b.min}>
                {b.word}
              </option>
            ))}
          </select>
        </label>
        <label className="check">
          <input type="checkbox" checked={active} onChange={(e) => setSearch({ active: e.target.checked ? "1" : null })} />
          Only active
        </label>
      </div>
      <Guard query={q} what="the events">
        {events.length === 0 ? (
          <Empty title={filtered ? "No event matches." : "Nothing has happened yet."}>
            <p>{filtered ? "Take away a filter to see more." : "Lost links, alarms, writes and sign-ins will be listed here."}</p>
            {filtered && (
              <button
                type="button"
                onClick={() => {
                  setText("");
                  setSearch({ kind: null, severity: null, active: null, search: null });
                }}
              >
                Show all events
              </button>
            )}
          </Empty>
        ) : (
          <>
            <Table
              caption="Events"
              columns={columns}
              rows={events}
              rowKey={(e) => `${e.id}/${e.revision ?? 0}`}
              rowClass={(e) => (e.state === "active" ? `row-${severityWords(e.severity).level}` : "")}
            />
            {q.hasNextPage && (
              <button type="button" disabled={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
                {q.isFetchingNextPage ? "Reading …" : "Show older events"}
              </button>
            )}
          </>
        )}
      </Guard>
    </Page>
  );
}

/** A connection or destination leads to its page. */
function Source({ of }: { of: string | null | undefined }) {
  const [page, name] = (of ?? "").split("/");
  return name && (page === "connection" || page === "destination") ? <Link to={`/${page}s?name=${encodeURIComponent(name)}`}>{of}</Link> : <>{of ?? "–"}</>;
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
