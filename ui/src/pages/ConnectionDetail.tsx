import { useState } from "react";
import { api } from "../api/client";
import type { Connection, Device, Scan } from "../api/types";
import { formatCount, formatNumber, formatPercent, plural } from "../format/number";
import { qualityWords } from "../format/quality";
import { formatDuration } from "../format/time";
import { useNow } from "../live/clock";
import { ConfirmAct } from "../parts/Dialog";
import { GatedButton } from "../parts/Gate";
import { ThreeParts } from "../parts/Messages";
import { Fact, Facts, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Quality } from "../parts/Quality";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { For, Time } from "../parts/Time";
import { Link, pointHref } from "../router";
import { useWhyNot } from "../session";
import { MeasurePanel } from "./ConnectionMeasure";
import { ms, perSecond } from "./Connections";
import type { GlossaryKey } from "../words/glossary";

const FAULT_WORDS: Record<string, { text: string; term?: GlossaryKey }> = {
  timeouts: { text: "Time-outs" },
  exceptions: { text: "Exceptions", term: "exceptions" },
  late: { text: "Late", term: "lateFrames" },
  desync: { text: "Desync", term: "desync" },
  reconnects: { text: "Reconnects" },
  bad_frames: { text: "Broken frames" },
};

const LEFT_OUT_WORDS: Record<string, string> = {
  rejected: "From somebody who may not, or too fast",
  no_room: "Without room",
  unclaimed: "Read by no tag",
  repeated: "There already",
};

type Step = { verb: "pause" | "resume"; device: string | null };

export function ConnectionDetail({ connection: c }: { connection: Connection }) {
  const [step, setStep] = useState<Step | null>(null);
  const why = useWhyNot("engineer", "pause and resume devices");
  // An error of yesterday must not look like one of now.
  const well = c.state === "connected" && c.devices.every((d) => d.state === "ok" || d.state === "paused");
  return (
    <>
      <Panel
        title={`Connection ${c.name}`}
        id="connection"
        aside={
          <GatedButton why={why} onClick={() => setStep({ verb: c.state === "paused" ? "resume" : "pause", device: null })}>
            {c.state === "paused" ? "Resume connection" : "Pause connection"}
          </GatedButton>
        }
      >
        {c.last_error && !well && <LastError of={c.last_error} />}
        <Facts>
          <Fact name="State" tone={c.state === "lost" || c.state === "failed" ? "alarm" : "normal"}>
            <Status state={c.state} /> since <Time ms={c.since} />
          </Fact>
          <Fact name="Endpoint">
            <span className="mono">{c.endpoint ?? "–"}</span>, {c.kind}
          </Fact>
          <Fact name="Points">
            {formatCount(c.points)}: {formatCount(c.good)} Good, {formatCount(c.bad)} bad
          </Fact>
          <Fact name={<Term k="requests" />}>{perSecond(c.requests_per_s)}</Fact>
          {c.budget && (
            <Fact name={<Term k="budget" />}>
              <span data-testid="budget">{budgetWords(c.budget)}</span>
            </Fact>
          )}
          <Fact name={<Term k="responseP50" />}>{c.response_ms ? `${ms(c.response_ms.p50)} / ${ms(c.response_ms.p99)}` : "no answer yet"}</Fact>
        </Facts>
        <h3>Faults since the start</h3>
        <Facts>
          {Object.entries(c.faults).map(([key, n]) => {
            const words = FAULT_WORDS[key];
            return (
              <Fact key={key} name={words?.term ? <Term k={words.term}>{words.text}</Term> : (words?.text ?? key)}>
                {formatCount(n)}
              </Fact>
            );
          })}
        </Facts>
        <LeftOut counts={c.left_out} />
        {c.last_error && well && (
          <details>
            <summary>
              Last error, over now: <Time ms={c.last_error.time} age />
            </summary>
            <LastError of={c.last_error} calm />
          </details>
        )}
      </Panel>
      <Secure connection={c} />
      <MeasurePanel key={c.name} connection={c.name} kind={c.kind} />
      <Panel title="Devices" id="devices">
        <Devices connection={c} why={why} onStep={setStep} />
      </Panel>
      <Panel title={<Term k="scanClass">Scan classes</Term>} id="scans">
        <Table caption="Scan classes" columns={scanColumns} rows={c.scans} rowKey={(s) => s.name} rowClass={(s) => (s.overruns ? "row-attention" : "")} />
      </Panel>
      {c.doubtful.length > 0 && <Doubtful points={c.doubtful} />}
      {step && <PauseDialog connection={c} step={step} onClose={() => setStep(null)} />}
    </>
  );
}

/** What came by itself and was not taken: nothing is left out in silence. */
function LeftOut({ counts }: { counts: Connection["left_out"] }) {
  const some = Object.entries(counts).filter(([, n]) => n > 0);
  if (some.length === 0) return null;
  return (
    <>
      <h3>Not taken since the start</h3>
      <Facts>
        {some.map(([key, n]) => (
          <Fact key={key} name={LEFT_OUT_WORDS[key] ?? key}>
            {formatCount(n)}
          </Fact>
        ))}
      </Facts>
    </>
  );
}

function LastError({ of, calm = false }: { of: NonNullable<Connection["last_error"]>; calm?: boolean }) {
  return (
    <div>
      <ThreeParts calm={calm} title={of.title} meaning={of.meaning} next={of.next}>
        {!calm && of.title.includes("not trusted") && (
          <p>
            <a href="#certificates">Compare the thumbprint and decide</a>
          </p>
        )}
      </ThreeParts>
      {!calm && (
        <p className="quiet">
          Last error: <Time ms={of.time} age />
        </p>
      )}
    </div>
  );
}

/** The share that is used, of what, and how often something had to wait for it. */
function budgetWords(budget: NonNullable<Connection["budget"]>): string {
  const { requests_per_s: most, share, connections, open, held_back: held } = budget;
  return [
    most ? `${formatPercent((share ?? 0) * 100)} of ${formatNumber(most, 3)} requests/s` : "",
    connections ? `${formatCount(open)} of ${formatCount(connections)} connections` : "",
    held ? `${formatCount(held)} requests had to wait` : "",
  ]
    .filter(Boolean)
    .join("; ");
}

/** Many field protocols have no protection at all: said plainly, with what to do instead. */
function Secure({ connection: c }: { connection: Connection }) {
  const open = (c.security?.level ?? "none") === "none";
  return (
    <Panel title={<Term k="tls">How secure this link is</Term>} id="security">
      <p data-testid="security" data-level={c.security?.level ?? "none"}>
        <b>{open ? "Not protected: " : "Protected: "}</b>
        <Prose>{`${(c.security?.text ?? "the gateway says nothing about it").replace(/\.$/, "")}.`}</Prose>
      </p>
      {open && (
        <p className="hint">
          What helps: keep device and gateway in a <Term k="zone">zone</Term> of their own, let only this gateway reach the device&apos;s port (firewall or access list), and switch writing off in the
          device where it is not needed.
        </p>
      )}
    </Panel>
  );
}

const scanColumns: Column<Scan>[] = [
  { head: "Name", label: "Name", cell: (s) => s.name },
  { head: "Period", label: "Period", numeric: true, cell: (s) => (s.period_ms ? ms(s.period_ms) : "as it comes") },
  { head: "Last scan took", label: "Last scan took", numeric: true, cell: (s) => ms(s.last_ms) },
  { head: <Term k="overrun" />, label: "Overruns", numeric: true, cell: (s) => formatCount(s.overruns) },
  { head: "Points", label: "Points", numeric: true, cell: (s) => formatCount(s.points) },
  { head: "Requests per scan", label: "Requests per scan", numeric: true, cell: (s) => formatCount(s.requests) },
];

function Devices(props: { connection: Connection; why: string | null; onStep: (s: Step) => void }) {
  const { connection, why, onStep } = props;
  const columns: Column<Device>[] = [
    { head: "Device", label: "Device", cell: (d) => d.name },
    { head: "Unit", label: "Unit", numeric: true, cell: (d) => d.unit || "–" },
    {
      head: "State",
      label: "State",
      cell: (d) => (
        <>
          {d.state === "demoted" ? (
            <Term k="demoted">
              <Status state="demoted" />
            </Term>
          ) : (
            <Status state={d.state} />
          )} <For ms={d.since} />
          {d.next_probe_ms ? <NextTry at={d.next_probe_ms} /> : null}
        </>
      ),
    },
    {
      head: <Term k="quarantine">Quarantined addresses</Term>,
      label: "Quarantined addresses",
      wide: true,
      cell: (d) => (d.quarantined.length === 0 ? <span className="quiet">none</span> : <Quarantined device={d} />),
    },
    {
      head: <Term k="excluded">Excluded</Term>,
      label: "Excluded",
      cell: (d) => (d.excluded.length === 0 ? <span className="quiet">none</span> : d.excluded.join(", ")),
    },
    {
      head: <span className="visually-hidden">Action</span>,
      label: "Action",
      cell: (d) => {
        const verb = d.state === "paused" ? "resume" : "pause";
        return (
          <GatedButton why={why} quietReason onClick={() => onStep({ verb, device: d.name })}>
            {verb === "pause" ? "Pause" : "Resume"} {d.name}
          </GatedButton>
        );
      },
    },
  ];
  return (
    <Table
      caption={`Devices of ${connection.name}`}
      columns={columns}
      rows={connection.devices}
      rowKey={(d) => d.name}
      rowClass={(d) => (d.state === "demoted" || d.state === "waiting" || d.quarantined.length > 0 ? "row-attention" : "")}
    />
  );
}

/** Points that are not Good by themselves: the device answers and refuses nothing, so that nothing above says why. */
function Doubtful({ points }: { points: Connection["doubtful"] }) {
  return (
    <Panel title="Points that are not Good" id="doubtful">
      <ul>
        {points.map((p) => {
          const words = qualityWords(p.quality);
          return (
            <li key={p.path}>
              <Link to={pointHref(p.path)}>{p.path}</Link>: <Quality quality={p.quality} good={false} /> <Prose>{words.text}</Prose>{" "}
              {words.next && (
                <span className="hint">
                  Next step: <Prose>{words.next}</Prose>
                </span>
              )}
            </li>
          );
        })}
      </ul>
      {points.length >= 20 && <p className="quiet">The first 20; the page Namespace shows all.</p>}
    </Panel>
  );
}

/** Counts down to the next try; `at` is in ms since 1970. */
function NextTry({ at }: { at: number }) {
  const left = Math.ceil((at - useNow()) / 1000);
  return <div className="small">{left > 0 ? `next try in ${formatDuration(left)}` : "next try now"}</div>;
}

function Quarantined({ device }: { device: Device }) {
  return (
    <ul>
      {device.quarantined.map((x) => (
        <li key={x.address}>
          <span className="mono">{x.address}</span>
          {x.reason ? `: ${x.reason}` : ""}{" "}
          {x.points.map((p) => (
            <Link key={p} to={pointHref(p)} className="small">
              {p.split("/").pop()}
            </Link>
          ))}
        </li>
      ))}
      <li className="hint">Next step: compare with the manual of the device and correct the tag file.</li>
    </ul>
  );
}

function PauseDialog({ connection, step, onClose }: { connection: Connection; step: Step; onClose: () => void }) {
  const what = step.device ? `device ${step.device}` : `connection ${connection.name}`;
  const verb = step.verb === "pause" ? "Pause" : "Resume";
  const act = () => (step.verb === "pause" ? api.pauseConnection : api.resumeConnection)(connection.name, step.device);
  return (
    <ConfirmAct title={`${verb} ${what}?`} action={`${verb} ${what}`} act={act} renews="connections" onClose={onClose}>
      {step.verb === "pause" ? (
        <>
          <p>
            Ironbridge sends it nothing any more until somebody resumes it. {step.device ? "Its points" : `All ${plural(connection.points ?? 0, "point")}`} keep the
            last value with the quality Out of service; nothing is recorded meanwhile.
          </p>
          <p>The machine itself goes on working. The pause is written to the audit log.</p>
        </>
      ) : (
        <p>Reading starts again within one scan. Nothing is written to the device.</p>
      )}
    </ConfirmAct>
  );
}
