import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { config, type Applied, type ApplyPlan, type NowThen, type PlanConnection, type PlanTotals } from "../api/config";
import { formatCount, formatNumber, formatPercent, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { Confirm } from "../parts/Dialog";
import { ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { Diff } from "./Diff";
import { Mistakes } from "./Mistakes";

/** What apply would do to what runs, and the button that does it. */
export function ApplyPanel() {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const q = useQuery({ queryKey: ["plan"], queryFn: ({ signal }) => config.plan({ signal }), refetchOnWindowFocus: false });
  const apply = useMutation({
    mutationFn: config.apply,
    onSettled: () => {
      setAsking(false);
      void client.invalidateQueries();
    },
  });
  const plan = q.data;
  const ready = plan !== undefined && !plan.nothing && plan.mistakes.length === 0;
  return (
    <Panel
      title={<Term k="plan">What applying would do</Term>}
      id="plan"
      aside={
        <span className="actions">
          <button type="button" disabled={q.isFetching} onClick={() => void q.refetch()}>
            {q.isFetching ? "Comparing …" : "Compare again"}
          </button>
          <button type="button" className="primary" disabled={!ready || apply.isPending} onClick={() => setAsking(true)}>
            {apply.isPending ? "Applying …" : "Apply"}
          </button>
        </span>
      }
    >
      {apply.error && <ErrorBox error={apply.error} />}
      {apply.data && <Outcome of={apply.data} at={apply.submittedAt} />}
      <Guard query={q} what="the folder and what runs">
        {plan && <Plan plan={plan} />}
      </Guard>
      {asking && plan && (
        <Confirm title="Apply the folder?" action="Apply it" onConfirm={() => apply.mutate()} onClose={() => setAsking(false)} busy={apply.isPending}>
          <p>
            {plural(plan.connections.length, "connection")} and {plural(plan.destinations.length, "destination")} change; everything else runs on untouched. If a connection that
            worked does not come back, all of it is taken back by itself.
          </p>
          <p>It is recorded in the audit log with your name and every changed line.</p>
        </Confirm>
      )}
    </Panel>
  );
}

function Outcome({ of, at }: { of: Applied; at: number }) {
  const tone = of.applied ? "normal" : "alarm";
  return (
    <div className={`outcome outcome-${tone}`} role="alert" data-testid="apply-outcome" data-applied={of.applied}>
      <p className="outcome-word">{of.applied ? "Applied" : of.rolled_back ? "Taken back" : "Not applied"}</p>
      {of.summary && (
        <p>
          <Prose>{of.summary}</Prose>
        </p>
      )}
      {of.why && (
        <p>
          <b>Why:</b> <Prose>{of.why}</Prose>
        </p>
      )}
      {of.notes.map((note, i) => (
        <p key={i}>
          <Prose>{note}</Prose>
        </p>
      ))}
      <p className="quiet">
        <Time ms={at} age />
        {of.took_ms ? `, it took ${formatDuration(of.took_ms / 1000)}` : ""}.
      </p>
    </div>
  );
}

const change = (of: NowThen | null | undefined, show: (n: number) => string) => {
  const [a, b] = [of?.now, of?.then].map((n) => (n === null || n === undefined ? "–" : show(n)));
  return a === b ? (a ?? "–") : `${a} → ${b}`;
};
const rate = (n: number) => formatNumber(n, 3);
const share = (n: number) => formatPercent(n * 100);

const pointsText = (points: PlanConnection["points"]) =>
  [
    points?.added ? `${formatCount(points.added)} added` : "",
    points?.removed ? `${formatCount(points.removed)} removed` : "",
    points?.changed ? `${formatCount(points.changed)} changed` : "",
    points?.same ? `${formatCount(points.same)} as they are` : "",
  ]
    .filter(Boolean)
    .join(", ") || "none";

const ACTIONS: Record<string, string> = { open: "is opened", close: "is closed", change: "is opened anew" };

const columns: Column<PlanConnection>[] = [
  { head: "Connection", label: "Connection", cell: (c) => <b>{c.name}</b> },
  { head: "What happens", label: "What happens", cell: (c) => ACTIONS[c.action] ?? c.action },
  {
    head: "Points",
    label: "Points",
    wide: true,
    cell: (c) => (
      <>
        {pointsText(c.points)}
        {c.paths.length > 0 && (
          <details className="small">
            <summary>Which points of {c.name}</summary>
            <ul className="bullets">
              {c.paths.map((p) => (
                <li key={p.path}>
                  <span className="mono">{p.path}</span> {p.what}
                  {p.text ? `: ${p.text}` : ""}
                </li>
              ))}
            </ul>
          </details>
        )}
      </>
    ),
  },
  { head: <Term k="requests" />, label: "Requests/s", numeric: true, cell: (c) => change(c.requests_per_s, rate) },
  {
    head: <Term k="budget">Of its budget</Term>,
    label: "Of its budget",
    numeric: true,
    cell: (c) => {
      if (c.budget?.then === null || c.budget?.then === undefined) return <span className="quiet">no budget</span>;
      const text = `${change(c.share, share)} of ${rate(c.budget.then)} /s`;
      return (c.share?.then ?? 0) > 1 ? <Status tone="attention">{text}</Status> : text;
    },
  },
  { head: "Line busy", label: "Line busy", numeric: true, cell: (c) => change(c.busy, share) },
];

/** The whole of it in one line. */
function Totals({ of }: { of: PlanTotals }) {
  const parts = [
    of.opened ? `${plural(of.opened, "connection")} opened` : "",
    of.closed ? `${plural(of.closed, "connection")} closed` : "",
    of.changed ? `${plural(of.changed, "connection")} closed and opened anew` : "",
    `${formatCount(of.kept ?? 0)} kept`,
    `points: ${pointsText(of.points)}`,
    of.requests_per_s ? `requests/s of all connections: ${change(of.requests_per_s, rate)}` : "",
    of.rebirths ? `${plural(of.rebirths, "Sparkplug destination")} with new births` : "",
  ];
  return (
    <p className="plan-sentence" data-testid="plan-totals">
      {parts.filter(Boolean).join("; ")}.
    </p>
  );
}

function Plan({ plan }: { plan: ApplyPlan }) {
  if (plan.mistakes.length > 0) return <Mistakes mistakes={plan.mistakes} />;
  if (plan.nothing && plan.restart.length === 0) return <p data-testid="plan-nothing">Nothing: what runs is what the folder says.</p>;
  const rest = [
    ...plan.connections.flatMap((c) => [...c.notes, c.measured ? `${c.name}: ${c.measured}` : ""].filter(Boolean)),
    ...plan.destinations.map((d) => `Destination ${d.name} ${ACTIONS[d.action] ?? d.action}. ${d.text ?? ""}`),
    ...plan.rebirths.map((r) => `${r.name} sends its births again. ${r.text ?? ""}`),
    ...plan.settings,
  ];
  return (
    <div className="plan" data-testid="plan">
      {plan.totals && <Totals of={plan.totals} />}
      {plan.connections.length > 0 && <Table caption="Connections that change" columns={columns} rows={plan.connections} rowKey={(c) => c.name} />}
      {rest.length > 0 && (
        <ul className="bullets">
          {rest.map((text, i) => (
            <li key={i}>
              <Prose>{text}</Prose>
            </li>
          ))}
        </ul>
      )}
      {plan.restart.length > 0 && (
        <div className="notice">
          <b>Only a restart brings this in:</b>
          <ul className="bullets">
            {plan.restart.map((text, i) => (
              <li key={i}>
                <Prose>{text}</Prose>
              </li>
            ))}
          </ul>
        </div>
      )}
      {plan.notes.length > 0 && (
        <div className="notice" data-testid="plan-notes">
          <b>Before you apply:</b>
          <ul className="bullets">
            {plan.notes.map((text) => (
              <li key={text}>
                <Prose>{text}</Prose>
              </li>
            ))}
          </ul>
        </div>
      )}
      {plan.kept && (
        <p className="quiet">
          Untouched: {plural(plan.kept.connections ?? 0, "connection")}, {plural(plan.kept.destinations ?? 0, "destination")}.
        </p>
      )}
      {plan.files.map((f) => (
        <details key={f.file} open={plan.files.length === 1}>
          <summary className="mono">{f.file}</summary>
          <Diff text={f.diff} label={`What changed in ${f.file}`} />
        </details>
      ))}
    </div>
  );
}
