/** One line for everything that happened: choose a window, sorts, severity and source; the picture, and the list of the same. */
import { useEffect, useMemo, useState } from "react";
import { SEVERITY_BANDS } from "../format/severity";
import { formatCount } from "../format/number";
import { serverNow, useNow } from "../live/clock";
import { EventTable } from "../parts/EventTable";
import { Empty, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { SearchField } from "../parts/SearchField";
import { setSearch, useSearch } from "../router";
import { PRESETS, windowOf, type View } from "../trend/zoom";
import { ZoomBar } from "../trend/ZoomBar";
import { kindOf, LANES, sift, type Lane } from "./lanes";
import { Strip } from "./Strip";
import { MOST, useTimeline } from "./useTimeline";

const HOUR = 3_600_000;
const WIDTHS = PRESETS.filter((p) => p.span >= HOUR / 6 && p.span <= 366 * 24 * HOUR);
const ROWS = 100;

/** `about`: only events that name this, and no filters of one's own. */
export function TimelinePanel({ about }: { about?: string }) {
  const search = useSearch();
  const [view, setView] = useState<View>({ span: 24 * HOUR, end: null });
  const own = about === undefined;
  const lanes = useMemo(() => new Set((own ? (search.get("lanes") ?? "") : "").split(",").filter(Boolean) as Lane[]), [own, search.get("lanes")]);
  const severity = own ? (search.get("severity") ?? "") : "";
  const source = own ? (search.get("source") ?? "") : "";
  const text = own ? (search.get("search") ?? "") : about;
  const following = view.end === null;
  const now = useNow();
  const window = useMemo(() => windowOf(view, Math.max(now, serverNow())), [view, following ? now : 0]);
  const q = useTimeline(`${view.span}/${view.end ?? "now"}`, () => windowOf(view, serverNow()), { kind: kindOf(lanes), severity, search: text }, following && (view.span > 26 * HOUR ? 20_000 : 3000));
  const all = q.data?.events ?? [];
  const events = useMemo(() => sift(all, { lanes, source }), [all, lanes, source]);
  const [room, setRoom] = useState(ROWS);
  useEffect(() => setRoom(ROWS), [view, lanes, severity, source, text]);
  const filtered = lanes.size > 0 || severity !== "" || source !== "" || (own && text !== "");
  return (
    <>
      <Panel title={own ? "What happened when" : "Time line"} id="timeline">
        <ZoomBar what="the time line" presets={WIDTHS} view={view} window={window} onView={setView} />
        {own && <Filters lanes={lanes} severity={severity} source={source} sources={[...new Set(all.map((e) => e.source ?? ""))].filter(Boolean).sort()} />}
        <Guard query={q} what="the events">
          <Strip events={events} window={window} onView={setView} />
          {q.data?.complete === false && <p className="notice">This window holds more than {formatCount(MOST)} events: only the newest are shown. Zoom in to see all of a shorter time.</p>}
        </Guard>
      </Panel>
      {q.data !== undefined &&
        (events.length === 0 ? (
          <Empty title={filtered ? "No event in this window matches." : "Nothing happened in this window."}>
            <p>{filtered ? "Take away a filter, or look at a longer time." : "Choose a longer time to see what was before."}</p>
            {filtered && (
              <button type="button" onClick={() => setSearch({ lanes: null, severity: null, source: null, search: null })}>
                Take all filters away
              </button>
            )}
          </Empty>
        ) : (
          <>
            <EventTable events={events.slice(0, room)} />
            {events.length > room && (
              <button type="button" onClick={() => setRoom(room + ROWS)}>
                Show {formatCount(Math.min(ROWS, events.length - room))} older
              </button>
            )}
          </>
        ))}
    </>
  );
}

function Filters(props: { lanes: ReadonlySet<Lane>; severity: string; source: string; sources: string[] }) {
  const toggle = (lane: Lane) => {
    const next = new Set(props.lanes);
    if (!next.delete(lane)) next.add(lane);
    setSearch({ lanes: [...next].join(",") || null });
  };
  // A source that was chosen stays in the list when it has nothing in this window.
  const sources = props.source === "" || props.sources.includes(props.source) ? props.sources : [props.source, ...props.sources];
  return (
    <div className="form-row filters" role="search" aria-label="Time line">
      <SearchField placeholder="word in the title, source or path" />
      <fieldset className="lanes">
        <legend>
          Show <span className="quiet">(none chosen: all)</span>
        </legend>
        {LANES.map((l) => (
          <button key={l.lane} type="button" aria-pressed={props.lanes.has(l.lane)} onClick={() => toggle(l.lane)}>
            {l.name}
          </button>
        ))}
      </fieldset>
      <label>
        Severity
        <select value={props.severity} onChange={(e) => setSearch({ severity: e.target.value })}>
          <option value="">All severities</option>
          {SEVERITY_BANDS.map((b) => (
            <option key={b.min} value={b.min}>
              {b.word}
            </option>
          ))}
        </select>
      </label>
      <label>
        Source
        <select value={props.source} onChange={(e) => setSearch({ source: e.target.value })}>
          <option value="">All sources</option>
          {sources.map((s) => (
            <option key={s} value={s}>
              {s}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
