import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import type { Destination } from "../api/types";
import { formatCount, plural } from "../format/number";
import { formatDuration, fromLocalInput } from "../format/time";
import { ConfirmAct } from "../parts/Dialog";
import { GatedButton } from "../parts/Gate";
import { FirstFile } from "../parts/FirstFile";
import { Empty, Guard, ThreeParts } from "../parts/Messages";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { Status, toneOf } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Age, For, Time, Zone } from "../parts/Time";
import { useReveal } from "../parts/useReveal";
import { Link, pointHref, useSearch } from "../router";
import { useWhyNot } from "../session";
import { perSecond } from "./Connections";
import { SchemaPanel } from "./DestinationSchema";

export function Destinations() {
  const q = useQuery({ queryKey: ["destinations"], queryFn: ({ signal }) => api.destinations({ signal }), refetchInterval: 2000 });
  const wanted = useSearch().get("name");
  const all = q.data ?? [];
  const chosen = all.find((d) => d.name === wanted) ?? (all.length === 1 ? all[0] : undefined);
  const detail = useReveal<HTMLDivElement>(wanted && chosen ? wanted : null);
  return (
    <Page
      title="Destinations"
      lead={
        <p>
          Systems that receive plant data: every <Term k="destination">destination</Term> reads the <Term k="journal">journal</Term> at its own pace.
        </p>
      }
    >
      <Guard query={q} what="the destinations">
        {all.length === 0 ? (
          <FirstFile sort="destination" title="No destination is set up yet.">
            <p>Values are recorded here all the same.</p>
          </FirstFile>
        ) : (
          <>
            <Panel title="All destinations" id="all-destinations">
              <Table
                caption="All destinations"
                columns={columns}
                rows={all}
                rowKey={(d) => d.name}
                rowClass={(d) => `row-${toneOf(d.state)}${d === chosen ? " selected" : ""}`}
              />
            </Panel>
            {chosen ? (
              <div ref={detail} className="detail">
                <Detail d={chosen} />
              </div>
            ) : <p className="quiet">Choose a destination by its name for details, rejects and skipped data.</p>}
          </>
        )}
      </Guard>
    </Page>
  );
}

const lag = (d: Destination) => (d.lag_s === null || d.lag_s === undefined ? "–" : formatDuration(d.lag_s));
const outage = (d: Destination) => (d.outage_hours === null || d.outage_hours === undefined ? "–" : formatDuration(d.outage_hours * 3600));

const columns: Column<Destination>[] = [
  {
    head: "Name",
    label: "Name",
    cell: (d) => (
      <>
        <Link to={`/destinations?name=${encodeURIComponent(d.name)}`}>{d.name}</Link>
        <div className="quiet small">{d.kind}</div>
      </>
    ),
  },
  {
    head: "State",
    label: "State",
    cell: (d) => (
      <>
        <Status state={d.state} /> <For ms={d.since} />
      </>
    ),
  },
  { head: <Term k="lag" />, label: "Lag", numeric: true, cell: lag },
  { head: "Waiting", label: "Waiting", numeric: true, cell: (d) => plural(d.lag_samples, "record") },
  { head: "Throughput", label: "Throughput", numeric: true, cell: (d) => perSecond(d.rate_per_s) },
  { head: <Term k="acknowledged">Last acknowledged</Term>, label: "Last acknowledged", numeric: true, cell: (d) => <Age ms={d.last_ack} /> },
  { head: <Term k="outage" />, label: "Outage that still fits", numeric: true, cell: outage },
  { head: <Term k="reject" />, label: "Rejects", numeric: true, cell: (d) => (d.letters?.waiting ? <b>{formatCount(d.letters.waiting)}</b> : formatCount(d.letters?.waiting ?? 0)) },
];

function Detail({ d }: { d: Destination }) {
  const [asking, setAsking] = useState<"pause" | "replay" | "stop" | null>(null);
  const why = useWhyNot("engineer", "pause destinations and have them send again");
  const replaying = d.replay && !d.replay.finished;
  const paused = d.state === "paused";
  return (
    <>
      <Panel
        title={`Destination ${d.name}`}
        id="destination"
        aside={
          <>
            <GatedButton why={why} onClick={() => setAsking("pause")}>
              {paused ? "Resume destination" : "Pause destination"}
            </GatedButton>{" "}
            <GatedButton why={why} onClick={() => setAsking(replaying ? "stop" : "replay")}>
              {replaying ? "Stop sending again" : "Send again"}
            </GatedButton>
          </>
        }
      >
        {d.last_error && (
          <div>
            <ThreeParts calm={d.state === "connected"} title={d.last_error.title} meaning={d.last_error.meaning} next={d.last_error.next} />
            <p className="quiet">
              Last error: <Time ms={d.last_error.time} age />
            </p>
          </div>
        )}
        <Facts>
          <Fact name="Endpoint">
            <span className="mono">{d.endpoint ?? "–"}</span>, {d.kind}
          </Fact>
          <Fact name={<Term k="tls">Security</Term>}>{d.security?.text ?? "–"}</Fact>
          <Fact name={<Term k="lag" />}>
            {lag(d)}, {plural(d.lag_samples, "record")}
          </Fact>
          <Fact name={<Term k="backlog" />}>
            {d.backlog ? (
              <>
                {plural(d.backlog.remaining, "record")}, <Time ms={d.backlog.from} /> to <Time ms={d.backlog.to} />
              </>
            ) : (
              "none"
            )}
          </Fact>
          <Fact name={<Term k="replay" />}>
            <Again d={d} />
          </Fact>
          {d.late ? <Fact name="Late samples">{formatCount(d.late)} came after their interval was sent; send that time again to have them counted in</Fact> : null}
          <Fact name="Sent since the start">{plural(d.sent, "sample")}</Fact>
          <Fact name="Throughput">{perSecond(d.rate_per_s)}</Fact>
          <Fact name={<Term k="acknowledged">Last acknowledged</Term>}>
            <Time ms={d.last_ack} age />
          </Fact>
          <Fact name={<Term k="proof" />}>
            <Proved d={d} />
          </Fact>
          <Fact name={<Term k="outage" />}>{outage(d)}</Fact>
          <Fact name={<Term k="catchUp" />}>{d.catch_up === "in_order" ? "strictly in order" : d.catch_up === "live_first" ? "live values first" : "–"}</Fact>
          <Fact name="Commands from there">{d.commands === "on" ? "on: it may ask for writes" : "off: it cannot write to the plant"}</Fact>
        </Facts>
        {d.skipped.length > 0 && (
          <>
            <h3>Skipped: data this destination will never get</h3>
            <ul>
              {d.skipped.map((s) => (
                <li key={s.range}>
                  {s.range}: {plural(s.count, "sample")}, <Time ms={s.time} />
                </li>
              ))}
            </ul>
          </>
        )}
      </Panel>
      <Rejects d={d} />
      <SchemaPanel key={d.name} name={d.name} />
      {asking === "pause" && <PauseDialog d={d} onClose={() => setAsking(null)} />}
      {asking === "replay" && <ReplayDialog d={d} onClose={() => setAsking(null)} />}
      {asking === "stop" && (
        <ConfirmAct title={`Stop sending again to ${d.name}?`} action="Stop sending again" act={() => api.stopReplay(d.name)} renews="destinations" onClose={() => setAsking(null)}>
          <p>What is new goes on as before. What was sent again so far stays there.</p>
        </ConfirmAct>
      )}
    </>
  );
}

/** What the far side says when it is asked for what it acknowledged. */
function Proved({ d }: { d: Destination }) {
  const p = d.proof;
  if (!p || p.every_s === null || p.every_s === undefined) return <>it is not asked</>;
  return (
    <>
      {p.last ? <>it had it <Time ms={p.last} age /></> : "not asked yet"}; asked every {formatDuration(p.every_s)}: {formatCount(p.found)} there,{" "}
      {p.gone ? <b>{formatCount(p.gone)} gone</b> : "0 gone"}
      {p.trouble ? <>; {p.trouble}</> : null}
    </>
  );
}

/** What is sent again, or was last. */
function Again({ d }: { d: Destination }) {
  const r = d.replay;
  if (!r) return <>nothing</>;
  const share = r.to > r.from ? Math.min(1, (r.done - r.from) / (r.to - r.from)) : 1;
  return (
    <>
      <Time ms={r.from} /> to <Time ms={r.to} />:{" "}
      {r.finished ? <>over <Time ms={r.finished} age /></> : <>{Math.floor(share * 100)} %</>}, {plural(r.sent, "sample")}
      {r.trouble ? <>; {r.trouble}</> : null}
    </>
  );
}

function Rejects({ d }: { d: Destination }) {
  const { name } = d;
  const waiting = d.letters?.waiting ?? d.rejects ?? 0;
  const [asking, setAsking] = useState<{ drop: boolean; ids: number[] | null } | null>(null);
  const why = useWhyNot("engineer", "send rejects again and drop them");
  const q = useQuery({ queryKey: ["rejects", name, waiting, d.rejects], queryFn: ({ signal }) => api.rejects(name, { signal }), enabled: waiting > 0 });
  return (
    <Panel
      title={<Term k="reject">{`Rejects of ${name}`}</Term>}
      id="rejects"
      aside={
        waiting > 0 ? (
          <>
            <GatedButton why={why} onClick={() => setAsking({ drop: false, ids: null })}>
              Send all again
            </GatedButton>{" "}
            <GatedButton why={why} onClick={() => setAsking({ drop: true, ids: null })}>
              Drop all
            </GatedButton>
          </>
        ) : undefined
      }
    >
      {waiting === 0 ? (
        <Empty title="Nothing that was refused waits here.">
          <p>Values that the far side refuses for good are listed here with the reason, until somebody has them sent again or drops them.</p>
        </Empty>
      ) : (
        <Guard query={q} what="the rejects">
          <Table
            caption={`Rejects of ${name}`}
            rows={q.data ?? []}
            rowKey={(r) => String(r.id)}
            columns={[
              {
                head: (
                  <>
                    Time
                    <Zone />
                  </>
                ),
                label: "Time",
                cell: (r) => <Time ms={r.time} millis />,
              },
              { head: "Point", label: "Point", wide: true, cell: (r) => (r.path ? <Link to={pointHref(r.path)}>{r.path}</Link> : "–") },
              {
                head: "Reason",
                label: "Reason",
                wide: true,
                cell: (r) => (
                  <>
                    {r.reason}
                    {r.trouble ? <div className="quiet small">{r.trouble}</div> : null}
                  </>
                ),
              },
              {
                head: "What to do",
                label: "What to do",
                cell: (r) => (
                  <>
                    <GatedButton why={why} onClick={() => setAsking({ drop: false, ids: [r.id] })}>
                      Send again
                    </GatedButton>{" "}
                    <GatedButton why={why} onClick={() => setAsking({ drop: true, ids: [r.id] })}>
                      Drop
                    </GatedButton>
                  </>
                ),
              },
            ]}
          />
        </Guard>
      )}
      {asking && (
        <ConfirmAct
          title={asking.drop ? "Drop for good?" : "Send again?"}
          action={asking.drop ? "Drop" : "Send again"}
          act={() => (asking.drop ? api.dropRejects : api.resendRejects)(name, asking.ids)}
          renews="destinations"
          onClose={() => setAsking(null)}
        >
          <p>
            {asking.ids ? "One value" : `${formatCount(waiting)} values`}.{" "}
            {asking.drop
              ? `${name} will never get it; history keeps it. It is written down who did this.`
              : "Mend the cause first: what is refused once more comes back to this list with the new reason."}
          </p>
        </ConfirmAct>
      )}
    </Panel>
  );
}

function ReplayDialog({ d, onClose }: { d: Destination; onClose: () => void }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const act = () => {
    const begin = fromLocalInput(from);
    if (begin === null) return Promise.reject(new Error("Say from when on."));
    return api.replayDestination(d.name, begin, fromLocalInput(to));
  };
  return (
    <ConfirmAct title={`Send again to ${d.name}`} action="Send again" act={act} renews="destinations" onClose={onClose}>
      <p>What history holds of this time goes there once more, beside what is new. A far side that keeps the key of a sample (point, time, seq) has nothing twice.</p>
      <p>
        <label>
          From <input type="datetime-local" step="1" value={from} onChange={(e) => setFrom(e.target.value)} />
        </label>{" "}
        <label>
          to <input type="datetime-local" step="1" value={to} onChange={(e) => setTo(e.target.value)} />
        </label>{" "}
        <span className="quiet">(empty: until now)</span>
        <Zone />
      </p>
    </ConfirmAct>
  );
}

function PauseDialog({ d, onClose }: { d: Destination; onClose: () => void }) {
  const paused = d.state === "paused";
  const verb = paused ? "Resume" : "Pause";
  const act = () => (paused ? api.resumeDestination : api.pauseDestination)(d.name);
  return (
    <ConfirmAct title={`${verb} destination ${d.name}?`} action={`${verb} ${d.name}`} act={act} renews="destinations" onClose={onClose}>
      {paused ? (
        <p>Delivery goes on where it stopped; what waited meanwhile is sent as well.</p>
      ) : (
        <p>Nothing is sent there until somebody resumes it. Nothing is lost: values wait on disk; an outage of {outage(d)} still fits.</p>
      )}
    </ConfirmAct>
  );
}
