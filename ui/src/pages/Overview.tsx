/** The first page: one sentence, the lines, what is abnormal, and whether the data can be trusted. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import type { Line, Overview as Data, PlantEvent, StateNow, Unit } from "../api/types";
import { formatCount, plural } from "../format/number";
import { DataHealthPanel } from "../parts/DataHealth";
import { Kind, Refs, Severity } from "../parts/Event";
import { FirstFile } from "../parts/FirstFile";
import { Empty, Guard } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Status } from "../parts/Status";
import { Age, For } from "../parts/Time";
import { Link, namespaceHref } from "../router";
import { useSession } from "../session";

export function Overview() {
  const q = useQuery({ queryKey: ["overview"], queryFn: ({ signal }) => api.overview({ signal }), refetchInterval: 2000 });
  const { may_set_password } = useSession();
  return (
    <Page title="Overview">
      {may_set_password && (
        <p className="notice">
          You came by a one-time link, which works only once. <Link to="/account">Set a password</Link> to be able to come back.
        </p>
      )}
      <Guard query={q} what="the plant">
        {q.data && <Body data={q.data} />}
      </Guard>
    </Page>
  );
}

function Body({ data }: { data: Data }) {
  return (
    <>
      <p className={`sentence sentence-${data.level}`} data-testid="sentence">
        <Prose>{data.sentence || "No sentence yet: the gateway has just started."}</Prose>
      </p>
      <div className="overview">
        <div className="overview-main">
          <Lines lines={data.lines} connections={data.data_health.connections?.total ?? null} />
          <Abnormal events={data.abnormal} />
        </div>
        <DataHealthPanel health={data.data_health} />
      </div>
    </>
  );
}

function Lines({ lines, connections }: { lines: Line[]; connections: number | null }) {
  return (
    <Panel title="Lines and machines" id="lines">
      {lines.length === 0 && connections === 0 ? (
        <FirstFile sort="connection" title="No machine is connected yet." />
      ) : lines.length === 0 ? (
        <FirstFile sort="asset" title="No asset is described yet.">
          <p>Values are read and recorded all the same. Lines and machines show here once they are described as assets.</p>
        </FirstFile>
      ) : (
        <div className="lines">
          {lines.map((line) => (
            <section key={line.path} className="line" aria-label={line.name}>
              <h3>
                <Link to={namespaceHref(line.path)}>{line.name || line.path}</Link>
                {line.state ? <State state={line.state} level={line.level ?? "normal"} /> : <span className="state quiet">{together(line.units)}</span>}
              </h3>
              <ul className="units">
                {line.units.map((unit) => (
                  <UnitCard key={unit.path} unit={unit} />
                ))}
              </ul>
            </section>
          ))}
        </div>
      )}
    </Panel>
  );
}

const FAILED = new Set(["aborted", "aborting", "fault", "faulted", "failed"]);
const STOPPED = new Set(["stopped", "stopping", "held", "holding", "suspended", "suspending", "clearing", "blocked", "starved"]);
/** A unit gives no level of its own: the PackML word (ISA-TR88.00.02) decides whether its state stands out. */
function stateTone(unit: Unit): "normal" | "attention" | "alarm" {
  const word = unit.state?.text?.toLowerCase() ?? "";
  return FAILED.has(word) ? "alarm" : STOPPED.has(word) ? "attention" : "normal";
}
/** Bad points mark the card, not the state: a machine that runs is not abnormal for a missing counter. */
function unitTone(unit: Unit): "normal" | "attention" | "alarm" {
  if (unit.bad && unit.points && unit.bad >= unit.points) return "alarm";
  const tone = stateTone(unit);
  return tone === "normal" && unit.bad ? "attention" : tone;
}

/** A line without a state of its own: how many of its machines are in which. */
function together(units: Unit[]): string {
  const counts = new Map<string, number>();
  for (const { state } of units) if (state && state.quality?.startsWith("Good")) counts.set(state.text, (counts.get(state.text) ?? 0) + 1);
  return units.length < 2 ? "" : [...counts].map(([text, n]) => `${n === units.length ? `all ${n}` : n} ${text}`).join(", ");
}

function UnitCard({ unit }: { unit: Unit }) {
  const tone = unitTone(unit);
  return (
    <li className={`unit tone-${tone}`}>
      <Link to={namespaceHref(unit.path)} className="unit-name">
        {unit.name || unit.path}
      </Link>
      {unit.type && unit.type !== unit.name && <span className="quiet"> {unit.type}</span>}
      <div className="unit-state">{unit.state ? <State state={unit.state} level={stateTone(unit)} /> : <span className="quiet">no state point</span>}</div>
      {unit.bad ? (
        <Link className="unit-bad" to={`${namespaceHref("")}?prefix=${encodeURIComponent(unit.path)}&quality=bad`}>
          {formatCount(unit.bad)} of {plural(unit.points ?? 0, "point")} bad
        </Link>
      ) : (
        <span className="quiet">{plural(unit.points ?? 0, "point")}, all Good</span>
      )}
    </li>
  );
}

function State({ state, level }: { state: StateNow; level: "normal" | "attention" | "alarm" }) {
  const bad = state.quality && !state.quality.startsWith("Good");
  return (
    <span className="state">
      <span className={bad ? "stale" : undefined}>
        <Status tone={level}>{state.text}</Status>
      </span>
      {" "}
      <For ms={state.since} />
    </span>
  );
}

function Abnormal({ events }: { events: PlantEvent[] }) {
  return (
    <Panel title="What is abnormal" id="abnormal" aside={<Link to="/events">All events</Link>}>
      {events.length === 0 ? (
        <Empty title="Nothing is abnormal.">
          <p>
            Alarms, faults and findings show up here with their age and the next step. What was before: <Link to="/events">Events</Link>.
          </p>
        </Empty>
      ) : (
        <ol className="abnormal">
          {events.slice(0, 10).map((event) => (
            <li key={`${event.id}-${event.revision ?? 0}`} className="abnormal-item">
              <div className="abnormal-head">
                <Severity event={event} /> <Kind event={event} /> <Age ms={event.start} />
              </div>
              <p className="abnormal-title">
                <Prose>{event.title}</Prose>
              </p>
              {event.text && (
                <p className="quiet">
                  <Prose>{event.text}</Prose>
                </p>
              )}
              {event.next && (
                <p>
                  <b>Next step:</b> <Prose>{event.next}</Prose>
                </p>
              )}
              <Refs event={event} />
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
