/** Whether the monitor sees what it should: interfaces, connections, zones; what it has learned; work that is expected. */
import { formatBytes, formatCount, formatNumber } from "../format/number";
import type { Interface, Monitor as State, SeenConnection } from "../api/monitor";
import { BaselinePanels } from "../network/Baseline";
import { AssetName, WithMonitor } from "../network/Parts";
import { INTERFACE, SEEN } from "../network/words";
import { WorkPanel } from "../network/Work";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Age, Time } from "../parts/Time";
import { Link } from "../router";

export function Monitor() {
  return (
    <Page title="Monitor" lead={<p>The network monitor listens and sends nothing. What it cannot see, it cannot find.</p>}>
      <WithMonitor empty>
        {(m) => (
          <>
            <Interfaces monitor={m} />
            <Connections connections={m.connections} />
            {m.explained && <Own explained={m.explained} />}
            <BaselinePanels zones={m.zones} />
            <WorkPanel />
            <Figures monitor={m} />
          </>
        )}
      </WithMonitor>
    </Page>
  );
}

const rate = (n: number | null | undefined, unit: string) => (n === null || n === undefined ? "–" : `${formatNumber(n, 3)} ${unit}`);

const interfaces: Column<Interface>[] = [
  { head: "Interface", label: "Interface", cell: (i) => <span className="mono">{i.name}</span> },
  {
    head: "State",
    label: "State",
    wide: true,
    cell: (i) => (
      <>
        <Status tone={INTERFACE[i.state]?.tone ?? "normal"}>{INTERFACE[i.state]?.text ?? i.state}</Status>
        {i.why && (
          <div>
            <Prose>{i.why}</Prose>
          </div>
        )}
        {i.next && (
          <div>
            <b>Next step:</b> <Prose>{i.next}</Prose>
          </div>
        )}
      </>
    ),
  },
  { head: "Packets", label: "Packets", numeric: true, cell: (i) => rate(i.packets_per_second, "/s") },
  { head: "Data", label: "Data", numeric: true, cell: (i) => rate(i.bits_per_second === null || i.bits_per_second === undefined ? null : i.bits_per_second / 1e6, "Mbit/s") },
  { head: "OT messages", label: "OT messages", numeric: true, cell: (i) => rate(i.messages_per_second, "/s") },
  {
    head: "Lost",
    label: "Lost",
    numeric: true,
    cell: (i) => (
      <>
        {i.dropped ? <Status tone="attention">{formatCount(i.dropped)}</Status> : <span className="quiet">{formatCount(i.dropped)}</span>}
        {i.not_decoded ? <div className="small">{formatCount(i.not_decoded)} left out on purpose</div> : null}
        {i.sampling && <div className="small">{i.sampling}</div>}
      </>
    ),
  },
  { head: "Last packet", label: "Last packet", cell: (i) => <Age ms={i.last_packet} /> },
];

function Interfaces({ monitor: m }: { monitor: State }) {
  return (
    <Panel title="Interfaces" id="interfaces" aside={<span className="quiet">running since <Time ms={m.since} /></span>}>
      {m.interfaces.length === 0 ? <p>No interface is named in the configuration.</p> : <Table caption="Interfaces" columns={interfaces} rows={m.interfaces} rowKey={(i) => i.name} />}
    </Panel>
  );
}

const connections: Column<SeenConnection>[] = [
  { head: "Connection", label: "Connection", cell: (c) => <Link to={`/connections?name=${encodeURIComponent(c.name)}`}>{c.name}</Link> },
  {
    head: "Endpoint",
    label: "Endpoint",
    wide: true,
    cell: (c) => (
      <>
        <span className="mono">{c.endpoint ?? "–"}</span>
        {c.asset && (
          <div className="small">
            asset <AssetName id={c.asset} />
          </div>
        )}
      </>
    ),
  },
  { head: "The monitor sees it", label: "The monitor sees it", cell: (c) => <Status tone={SEEN[c.seen]?.tone ?? "normal"}>{SEEN[c.seen]?.text ?? c.seen}</Status> },
  { head: "Packets", label: "Packets", numeric: true, cell: (c) => formatCount(c.packets) },
  { head: "Last", label: "Last", cell: (c) => <Age ms={c.last} /> },
];

function Connections({ connections: rows }: { connections: SeenConnection[] }) {
  return (
    <Panel title="Connections of this gateway" id="seen-connections">
      {rows.length === 0 ? (
        <p>No connection is configured.</p>
      ) : (
        <>
          <Table caption="Connections of this gateway" columns={connections} rows={rows} rowKey={(c) => c.name} />
          <p className="hint">
            Never seen: the mirror port does not copy that switch port. One direction only: mirror both directions. Encrypted: who talks is known, not what is said; commands and answers are not compared.
          </p>
        </>
      )}
    </Panel>
  );
}

/** Orders and answers of this gateway, as they were given here and as they passed on the cable. */
function Own({ explained: e }: { explained: NonNullable<State["explained"]> }) {
  return (
    <Panel title="What this gateway itself sends" id="own">
      <Facts>
        <Fact name="Commands seen as they were ordered">{formatCount(e.commands_matched)}</Fact>
        <Fact name="Commands that nobody ordered" tone={e.commands_unmatched > 0 ? "alarm" : "normal"}>
          {formatCount(e.commands_unmatched)}
        </Fact>
        <Fact name="Answers the same on the cable and here">{formatCount(e.answers_same)}</Fact>
        <Fact name="Answers changed on the way" tone={e.answers_changed > 0 ? "alarm" : "normal"}>
          {formatCount(e.answers_changed)}
        </Fact>
        <Fact name="Answers seen at one place only">{formatCount(e.answers_single)}</Fact>
        {e.no_room > 0 && <Fact name="Not compared or remembered, for lack of room">{formatCount(e.no_room)}</Fact>}
      </Facts>
    </Panel>
  );
}

const FIGURES: [string, string][] = [
  ["packets", "Packets looked at"],
  ["messages", "OT messages read"],
  ["flows", "Conversations"],
  ["one_way_flows", "of these one direction only"],
  ["encrypted_flows", "of these encrypted"],
  ["http2_flows", "of these HTTP/2 in the clear, not read"],
  ["unknown_flows", "of these not recognised"],
  ["evicted_flows", "let go for lack of room"],
  ["malformed_messages", "Malformed messages"],
  ["malformed_headers", "Malformed headers"],
  ["truncated", "Packets cut by the capture"],
  ["repeated", "Segments that came twice"],
  ["gaps", "Gaps in conversations"],
  ["dropped", "Packets lost by the kernel"],
  ["not_decoded", "Packets left out on purpose"],
  ["no_room", "Entries without room in a table"],
  ["crowded", "Reads and writes by machines not listed"],
  ["lost_fragments", "Fragments that never became whole"],
];

function Figures({ monitor: m }: { monitor: State }) {
  const e = m.evidence;
  return (
    <Panel title="What was looked at" id="figures" aside={<span className="quiet">since <Time ms={m.coverage["first"]} /></span>}>
      <Facts>
        {FIGURES.filter(([key], i) => i < 3 || m.coverage[key]).map(([key, name]) => (
          <Fact key={key} name={name}>
            {formatCount(m.coverage[key])}
          </Fact>
        ))}
        {e && (
          <Fact name="Evidence on disk">
            {formatBytes(e.bytes)} of {formatBytes(e.limit_bytes)}
            {e.removed ? `; ${formatCount(e.removed)} older files made way` : ""}
          </Fact>
        )}
      </Facts>
    </Panel>
  );
}
