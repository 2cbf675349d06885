/** What a device can take, measured instead of guessed: the numbers first, an explicit yes, then a file to review and save. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { characterise, type MeasurePlan, type MeasureRun } from "../api/characterise";
import { asApiError } from "../api/http";
import { formatCount, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { person } from "../format/who";
import { MeasuredFile } from "../measure/MeasuredFile";
import { GatedButton } from "../parts/Gate";
import { ErrorBox, Guard } from "../parts/Messages";
import { Fact, Facts, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { useWhyNot } from "../session";

/** Kinds of which nothing is asked; of the others the gateway says itself what can be measured, or why nothing. */
const LISTENS = new Set(["mqtt-in", "sparkplug-host", "webhook", "snmp-traps"]);

export function MeasurePanel({ connection, kind }: { connection: string; kind: string }) {
  const why = useWhyNot("engineer", "measure a device");
  const client = useQueryClient();
  const measurable = !LISTENS.has(kind) && why === null;
  const q = useQuery({
    queryKey: ["characterise"],
    queryFn: ({ signal }) => characterise.runs({ signal }),
    enabled: measurable,
    refetchInterval: (query) => (query.state.data?.some((r) => r.state === "running") ? 1000 : 15_000),
  });
  const plan = useMutation({ mutationFn: () => characterise.plan(connection) });
  const start = useMutation({
    mutationFn: characterise.start,
    onSuccess: () => plan.reset(),
    onSettled: () => client.invalidateQueries({ queryKey: ["characterise"] }),
  });
  if (LISTENS.has(kind) || asApiError(q.error).status === 404) return null;
  const latest = q.data?.find((r) => r.plan.connection === connection);
  const busy = plan.isPending || start.isPending || latest?.state === "running";
  return (
    <Panel
      title={<Term k="characterise">What this device can take</Term>}
      id="measure"
      aside={
        <GatedButton why={why} onClick={() => !busy && plan.mutate()}>
          Measure this device …
        </GatedButton>
      }
    >
      {why === null && (
        <Guard query={q} what="measurements">
          {plan.error && <ErrorBox error={plan.error} />}
          {plan.data ? (
            <Ask plan={plan.data} busy={start.isPending} error={start.error} onYes={() => start.mutate(plan.data)} onNo={() => (plan.reset(), start.reset())} />
          ) : latest ? (
            <Run run={latest} />
          ) : (
            <p className="quiet">
              Not measured since the gateway was started. A measurement finds the largest block, holes, the number of sockets and the pace that it answers well at; reading is then planned by it.
            </p>
          )}
        </Guard>
      )}
    </Panel>
  );
}

function Ask(props: { plan: MeasurePlan; busy: boolean; error: unknown; onYes: () => void; onNo: () => void }) {
  const { plan } = props;
  return (
    <div className="stack" data-testid="measure-plan">
      <p className="plan-sentence">
        <Prose>{plan.sentence}</Prose>
      </p>
      <Facts>
        <Fact name="Requests, at most">{formatCount(plan.requests_most)}</Fact>
        <Fact name="Packets, at most">{formatCount(plan.packets_most)}</Fact>
        <Fact name="Takes">
          {plan.seconds_least !== null && plan.seconds_least !== undefined ? `${formatDuration(plan.seconds_least)} to ` : ""}
          {plan.seconds_most === null || plan.seconds_most === undefined ? "–" : formatDuration(plan.seconds_most)}
        </Fact>
        <Fact name="Measured before">{plan.measured ? <Time ms={Date.parse(plan.measured)} age /> : "never"}</Fact>
      </Facts>
      <ul className="bullets">
        {plan.devices.map((d) => (
          <li key={d.name}>
            <b>{d.name}</b>
            {d.unit ? `, unit ${d.unit}` : ""}: <span className="mono">{d.touches || "nothing"}</span>
          </li>
        ))}
      </ul>
      <p>
        It only reads, one question at a time, and stops at the first sign of trouble.
        {plan.pauses && " Meanwhile the connection is paused: its points keep their last value with the quality Out of service, and are read again at the end."}
      </p>
      {props.error ? <ErrorBox error={props.error} /> : null}
      <div className="actions">
        <button type="button" className="primary" disabled={props.busy} onClick={props.onYes}>
          Yes, send up to {plural(plan.packets_most, "packet")}
        </button>
        <button type="button" disabled={props.busy} onClick={props.onNo}>
          No
        </button>
      </div>
    </div>
  );
}

const columns: Column<MeasureRun["lines"][number]>[] = [
  { head: "Device", label: "Device", cell: (l) => l.device || <span className="quiet">the endpoint</span> },
  { head: "What", label: "What", cell: (l) => l.what },
  { head: "Measured", label: "Measured", cell: (l) => <b>{l.value}</b> },
  { head: "What it means", label: "What it means", wide: true, cell: (l) => <Prose>{l.text ?? ""}</Prose> },
];

function Run({ run }: { run: MeasureRun }) {
  const client = useQueryClient();
  const stop = useMutation({ mutationFn: () => characterise.stop(run.id), onSettled: () => client.invalidateQueries({ queryKey: ["characterise"] }) });
  return (
    <div className="stack" data-testid="measure-run" data-state={run.state}>
      <p role="status">
        <Status tone={run.state === "failed" ? "attention" : "normal"}>{run.state === "running" ? "measuring" : run.state}</Status>{" "}
        {run.state === "running" && run.step ? <Prose>{run.step}</Prose> : null}{" "}
        <span className="quiet">
          {formatCount(run.packets_sent)} of at most {plural(run.plan.packets_most, "packet")}
          {run.faults ? `, ${plural(run.faults, "fault")}` : ""}, asked by {person(run.who ?? "")}
          {run.ended ? (
            <>
              , <Time ms={run.ended} age />
            </>
          ) : null}
          .
        </span>
      </p>
      {run.state === "running" && (
        <div className="actions">
          <button type="button" disabled={stop.isPending} onClick={() => stop.mutate()}>
            Stop
          </button>
        </div>
      )}
      {stop.error && <ErrorBox error={stop.error} />}
      {run.problem && (
        <div className="error-box calm">
          <p className="error-title">
            <Prose>{run.problem}</Prose>
          </p>
        </div>
      )}
      {run.lines.length > 0 && <Table caption="What was measured" columns={columns} rows={run.lines} rowKey={(l) => `${l.device}/${l.what}`} />}
      {run.state === "done" && run.text && <MeasuredFile name={run.file} text={run.text} />}
    </div>
  );
}
