/** Found, not typed: what to ask, what that sends, an explicit yes, what was found, and a draft to review. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { discovery, type Ask, type NetworkScan, type ScanPlan } from "../api/discover";
import { AskPanel } from "../discover/AskPanel";
import { ImportPanel } from "../discover/ImportPanel";
import { PlanPanel } from "../discover/PlanPanel";
import { ScanPanel } from "../discover/ScanPanel";
import { plural } from "../format/number";
import { Empty, Guard } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { Link, setSearch, useSearch } from "../router";
import { useWhyNot } from "../session";

export function Discover() {
  const why = useWhyNot("engineer", "look for devices and draft connections");
  return (
    <Page
      title="Discover"
      lead={
        <p>
          Find devices on the network and turn them into connections. A <Term k="draft">draft</Term> changes nothing by itself.
        </p>
      }
    >
      {why === null ? (
        <Looking />
      ) : (
        <Empty title="Looking for devices is not for every role.">
          <p>{why}</p>
          <p>
            What is connected already stands on the page <Link to="/connections">Connections</Link>.
          </p>
        </Empty>
      )}
    </Page>
  );
}

function Looking() {
  const shown = useSearch().get("scan");
  const [asked, setAsked] = useState<{ ask: Ask; plan: ScanPlan } | null>(null);
  const plan = useMutation({ mutationFn: discovery.plan, onSuccess: (made, ask) => setAsked({ ask, plan: made }) });
  const start = useMutation({
    mutationFn: ({ ask, plan: seen }: { ask: Ask; plan: ScanPlan }) => discovery.start(ask, seen.packets_most),
    onSuccess: (scan) => {
      setAsked(null);
      setSearch({ scan: scan.id });
    },
  });
  return (
    <>
      {shown && !asked && <ScanPanel key={shown} id={shown} />}
      {asked ? (
        <PlanPanel
          plan={asked.plan}
          busy={start.isPending}
          error={start.error}
          onYes={() => start.mutate(asked)}
          onBack={() => {
            start.reset();
            setAsked(null);
          }}
        />
      ) : (
        <AskPanel busy={plan.isPending} error={plan.error} onAsk={(ask) => plan.mutate(ask)} />
      )}
      <Scans shown={shown} />
      <ImportPanel />
    </>
  );
}

const columns: Column<NetworkScan>[] = [
  {
    head: "Started",
    label: "Started",
    cell: (s) => (
      <Link to={`/discover?scan=${encodeURIComponent(s.id)}`}>
        <Time ms={s.started} />
      </Link>
    ),
  },
  { head: "By", label: "By", cell: (s) => s.who ?? "–" },
  { head: "State", label: "State", cell: (s) => <Status tone={s.state === "stopped" ? "off" : "normal"}>{s.state}</Status> },
  { head: "Asked", label: "Asked", wide: true, cell: (s) => s.plan.sentence },
  { head: "Found", label: "Found", numeric: true, cell: (s) => plural(s.found.length, "device") },
];

function Scans({ shown }: { shown: string | null }) {
  const q = useQuery({ queryKey: ["scans"], queryFn: ({ signal }) => discovery.scans({ signal }), refetchInterval: 5000 });
  return (
    <Panel title="Earlier looks" id="scans">
      <Guard query={q} what="earlier looks">
        {q.data?.length === 0 ? (
          <Empty title="Nobody has looked since the gateway was started.">
            <p>Say above where to look. Nothing is sent before you have seen how much that would be, and said yes.</p>
          </Empty>
        ) : (
          <Table caption="Earlier looks" columns={columns} rows={q.data ?? []} rowKey={(s) => s.id} rowClass={(s) => (s.id === shown ? "selected" : "")} />
        )}
      </Guard>
    </Panel>
  );
}
