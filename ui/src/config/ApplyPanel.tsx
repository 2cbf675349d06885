import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asApiError } from "../api/http";
import { config, type Applied, type ApplyPlan, type PlanConnection } from "../api/config";
import { formatCount, formatNumber, formatPercent, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { Confirm } from "../parts/Dialog";
import { Code, ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { COMMANDS } from "../words/commands";
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
  if (asApiError(q.error).status === 404) return <ByHand />;
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
      {apply.data && <Outcome of={apply.data} />}
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

/** A gateway that cannot apply from a page says how it is done on the machine. */
function ByHand() {
  return (
    <Panel title="Taking effect" id="plan">
      <p>What is saved takes effect when it is applied on the machine. Nothing else stops meanwhile:</p>
      <Code>{`${COMMANDS.check}\n${COMMANDS.apply}`}</Code>
    </Panel>
  );
}

function Outcome({ of }: { of: Applied }) {
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
      {of.took_ms ? <p className="quiet">It took {formatDuration(of.took_ms / 1000)}.</p> : null}
    </div>
  );
}

const change = (now: number | null | undefined, then: number | null | undefined, show: (n: number) => string) => {
  const [a, b] = [now, then].map((n) => (n === null || n === undefined ? "–" : show(n)));
  return a === b ? a : `${a} → ${b}`;
};

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
        {[
          c.points?.added ? `${formatCount(c.points.added)} added` : "",
          c.points?.removed ? `${formatCount(c.points.removed)} removed` : "",
          c.points?.changed ? `${formatCount(c.points.changed)} changed` : "",
          c.points?.same ? `${formatCount(c.points.same)} as they are` : "",
        ]
          .filter(Boolean)
          .join(", ") || "none"}
        {c.paths.length > 0 && (
          <details className="small">
            <summary>Which</summary>
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
  { head: <Term k="requests" />, label: "Requests/s", numeric: true, cell: (c) => change(c.requests_per_s?.now, c.requests_per_s?.then, (n) => formatNumber(n, 3)) },
  { head: "Line busy", label: "Line busy", numeric: true, cell: (c) => change(c.busy?.now, c.busy?.then, (n) => formatPercent(n * 100)) },
];

function Plan({ plan }: { plan: ApplyPlan }) {
  if (plan.mistakes.length > 0) return <Mistakes mistakes={plan.mistakes} />;
  if (plan.nothing && plan.restart.length === 0) return <p data-testid="plan-nothing">Nothing: what runs is what the folder says.</p>;
  const rest = [
    ...plan.destinations.map((d) => `Destination ${d.name} ${ACTIONS[d.action] ?? d.action}. ${d.text ?? ""}`),
    ...plan.rebirths.map((r) => `${r.destination} sends its births again. ${r.text ?? ""}`),
    ...plan.settings,
  ];
  return (
    <div className="plan" data-testid="plan">
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
