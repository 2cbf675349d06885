import { useInfiniteQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { SEVERITY_BANDS } from "../format/severity";
import { EventTable } from "../parts/EventTable";
import { Empty, Guard } from "../parts/Messages";
import { Page } from "../parts/Page";
import { SearchField } from "../parts/SearchField";
import { setSearch, useSearch } from "../router";

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
        <SearchField placeholder="word in the title, source or path" />
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
              <button type="button" onClick={() => setSearch({ kind: null, severity: null, active: null, search: null })}>
                Show all events
              </button>
            )}
          </Empty>
        ) : (
          <>
            <EventTable events={events} />
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
