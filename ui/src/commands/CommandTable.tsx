import type { Command, May } from "../api/commands";
import type { Value } from "../api/types";
import { formatNumber } from "../format/number";
import { formatDuration } from "../format/time";
import { formatUnit } from "../format/unit";
import { person } from "../format/who";
import { useNow } from "../live/clock";
import { GatedButton } from "../parts/Gate";
import { Prose } from "../parts/Prose";
import { Status, type Tone } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Time } from "../parts/Time";
import { Link, pointHref } from "../router";
import type { Decision } from "./DecideDialog";

export const TONES: Record<string, Tone> = { Confirmed: "normal", Accepted: "normal", Rejected: "attention", Failed: "alarm", Unknown: "alarm" };
export const STATES: Record<Command["state"], string> = { waiting: "waiting for approval", queued: "queued", sending: "being sent", done: "done" };

function show(value: Value | undefined, unit: string | null | undefined): string {
  if (value === null || value === undefined) return "not known";
  const text = typeof value === "number" ? formatNumber(value) : String(value);
  const shown = formatUnit(unit);
  return shown ? `${text} ${shown}` : text;
}

/** From what it was to what it was to be. */
export const shownChange = (before: Value | undefined, value: Value, unit: string | null | undefined) => (
  <span className="change">
    {before !== undefined && <span className="quiet">{show(before, unit)}</span>} → <b>{show(value, unit)}</b>
  </span>
);

const reason = (may: May | null | undefined) => (may?.allowed ? null : may?.why || "The gateway does not allow it.");

export function CommandTable(props: { caption: string; commands: Command[]; past?: boolean; onDecide?: (d: Decision) => void }) {
  const columns: Column<Command>[] = [
    {
      head: "Point",
      label: "Point",
      wide: true,
      cell: (c) => (
        <>
          <Link to={pointHref(c.path)}>{c.name || c.path.split("/").pop()}</Link>
          <div className="quiet small">{c.path}</div>
        </>
      ),
    },
    {
      head: "Change",
      label: "Change",
      cell: (c) => shownChange(c.before ?? null, c.value, c.unit),
    },
    {
      head: "Who and why",
      label: "Who and why",
      wide: true,
      cell: (c) => (
        <>
          {person(c.who)}
          {c.reason ? <div className="quiet">{c.reason}</div> : null}
        </>
      ),
    },
    { head: "Asked", label: "Asked", cell: (c) => <Time ms={c.asked} /> },
    { head: props.past ? "Outcome" : "State", label: props.past ? "Outcome" : "State", wide: true, cell: (c) => <State command={c} /> },
  ];
  if (!props.past) {
    columns.push({
      head: <span className="visually-hidden">Actions</span>,
      label: "Actions",
      cell: (c) => <Actions command={c} onDecide={props.onDecide ?? (() => undefined)} />,
    });
  }
  return <Table caption={props.caption} columns={columns} rows={props.commands} rowKey={(c) => c.id} rowClass={(c) => (c.outcome ? `row-${TONES[c.outcome] ?? "normal"}` : "")} />;
}

function State({ command: c }: { command: Command }) {
  return (
    <div data-testid="command-state" data-state={c.state} data-outcome={c.outcome ?? ""}>
      {c.outcome ? <Status tone={TONES[c.outcome] ?? "attention"}>{c.outcome}</Status> : <Status tone="normal">{STATES[c.state]}</Status>}
      {c.why && (
        <div className="quiet">
          <Prose>{c.why}</Prose>
        </div>
      )}
      {c.state === "waiting" && c.approval && <div className="quiet small">needs somebody else with the role {c.approval.role} or higher</div>}
      {c.state !== "done" && c.expires ? <Left until={c.expires} /> : null}
      {c.approval?.by && <div className="quiet small">approved by {person(c.approval.by)}</div>}
      {c.steps.length > 0 && (
        <details className="small">
          <summary>{c.took_ms ? `Steps, ${formatDuration(c.took_ms / 1000)} in all` : "Steps"}</summary>
          <ol className="steps">
            {c.steps.map((s, i) => (
              <li key={i}>
                <Time ms={s.time} millis /> <b>{s.what}</b> {s.who ? `by ${person(s.who)}` : ""} {s.text ? <Prose>{s.text}</Prose> : null}
              </li>
            ))}
          </ol>
        </details>
      )}
    </div>
  );
}

function Left({ until }: { until: number }) {
  const left = Math.ceil((until - useNow()) / 1000);
  return <div className="quiet small">{left > 0 ? `is dropped in ${formatDuration(left)}` : "its time is over"}</div>;
}

function Actions({ command, onDecide }: { command: Command; onDecide: (d: Decision) => void }) {
  const cancel = (
    <GatedButton why={reason(command.may?.cancel)} quietReason onClick={() => onDecide({ verb: "cancel", command })}>
      Cancel
    </GatedButton>
  );
  if (command.state !== "waiting") return command.state === "queued" ? cancel : null;
  const why = reason(command.may?.approve);
  return (
    <>
      <span className="actions">
        <GatedButton why={why} quietReason className="primary" onClick={() => onDecide({ verb: "approve", command })}>
          Approve
        </GatedButton>
        <GatedButton why={why} quietReason onClick={() => onDecide({ verb: "deny", command })}>
          Deny
        </GatedButton>
        {cancel}
      </span>
      {why && <p className="why-not">{why}</p>}
    </>
  );
}
