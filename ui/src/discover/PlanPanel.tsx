import type { PlanProtocol, ScanPlan } from "../api/discover";
import { formatCount, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { ErrorBox } from "../parts/Messages";
import { Fact, Facts, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Table, type Column } from "../parts/Table";

const between = (least: number | null | undefined, most: number | null | undefined) =>
  least === null || least === undefined || least === most ? formatCount(most) : `${formatCount(least)} to ${formatCount(most)}`;

const columns: Column<PlanProtocol>[] = [
  { head: "Protocol", label: "Protocol", cell: (p) => p.title },
  { head: "Port", label: "Port", cell: (p) => `${p.transport ?? ""} ${p.ports.join(", ")}` },
  { head: "Packets", label: "Packets", numeric: true, cell: (p) => between(p.packets_least, p.packets_most) },
  { head: "What is sent", label: "What is sent", wide: true, cell: (p) => <Prose>{p.asks ?? "–"}</Prose> },
];

/** The numbers before the yes. */
export function PlanPanel(props: { plan: ScanPlan; busy: boolean; error: unknown; onYes: () => void; onBack: () => void }) {
  const { plan } = props;
  const nothing = plan.addresses === 0;
  return (
    <Panel title="What it would send" id="plan">
      <p className="plan-sentence" data-testid="plan-sentence">
        <Prose>{plan.sentence}</Prose>
      </p>
      <Facts>
        <Fact name="Addresses">
          {formatCount(plan.addresses)}
          {plan.at_once ? `, ${formatCount(plan.at_once)} at once` : ""}
        </Fact>
        <Fact name="Packets in all">{between(plan.packets_least, plan.packets_most)}</Fact>
        <Fact name="Most to one address">{formatCount(plan.packets_per_address_most)}</Fact>
        <Fact name="Takes">
          {plan.seconds_least !== plan.seconds_most && plan.seconds_least !== null && plan.seconds_least !== undefined ? `${formatDuration(plan.seconds_least)} to ` : ""}
          {plan.seconds_most === null || plan.seconds_most === undefined ? "–" : formatDuration(plan.seconds_most)}
        </Fact>
      </Facts>
      <Table caption="What is sent, by protocol" columns={columns} rows={plan.protocols} rowKey={(p) => p.name} />
      {plan.skipped.length > 0 && (
        <details>
          <summary>{plural(plan.skipped.length, "address is", "addresses are")} left out</summary>
          <ul className="bullets">
            {plan.skipped.map((s) => (
              <li key={s.address}>
                <span className="mono">{s.address}</span>: <Prose>{s.why}</Prose>
              </li>
            ))}
          </ul>
        </details>
      )}
      <p className="hint">
        Nothing is written to any device. A device that answers with an error is left alone. Ask the owner of the network first when the range is not yours.
      </p>
      {props.error ? <ErrorBox error={props.error} /> : null}
      <div className="actions">
        <button type="button" className="primary" disabled={props.busy || nothing} onClick={props.onYes}>
          {nothing ? "Nothing to ask" : `Yes, send up to ${plural(plan.packets_most, "packet")}`}
        </button>
        <button type="button" disabled={props.busy} onClick={props.onBack}>
          No, change it
        </button>
      </div>
    </Panel>
  );
}
