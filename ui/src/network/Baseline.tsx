/** What is normal, zone by zone: learning collects it, guarding says what is different; a person approves differences. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { monitor, type Difference, type Mode, type SeenZone, type ZoneMode } from "../api/monitor";
import { formatCount, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { person } from "../format/who";
import { ConfirmAct } from "../parts/Dialog";
import { GatedButton } from "../parts/Gate";
import { ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Status } from "../parts/Status";
import { Table } from "../parts/Table";
import { Term } from "../parts/Term";
import { Age, For } from "../parts/Time";
import { findingHref, Link } from "../router";
import { useWhyNot } from "../session";
import { AssetName } from "./Parts";
import { zoneHref } from "./Selects";
import { COUNTS_MS, useRenewal } from "./useMonitor";
import { DIFFERENCE, zoneName } from "./words";

interface Row {
  zone: string;
  seen: SeenZone | undefined;
  mode: ZoneMode | undefined;
}

/** Its own, or the one it has from everything else. */
const modeOf = (r: Row): Mode | null => r.mode?.mode ?? r.seen?.mode ?? null;

export function BaselinePanels({ zones }: { zones: SeenZone[] }) {
  useRenewal("baseline", "assets");
  const q = useQuery({ queryKey: ["monitor-lists", "modes"], queryFn: ({ signal }) => monitor.modes({ signal }), refetchInterval: COUNTS_MS });
  const names = [...new Set([...zones.map((z) => z.zone), ...(q.data ?? []).map((m) => m.zone)])].sort();
  const rows: Row[] = names.map((zone) => ({ zone, seen: zones.find((z) => z.zone === zone), mode: q.data?.find((m) => m.zone === zone) }));
  const [ask, setAsk] = useState<{ zone: string; mode: Mode } | null>(null);
  const why = useWhyNot("engineer", "switch between learning and guarding");
  return (
    <>
      <Panel title="Zones" id="zones">
        <Guard query={q} what="the modes">
          {rows.length === 0 ? (
            <p>No asset was seen yet, so there is no zone.</p>
          ) : (
            <>
              <Table
                caption="Zones"
                rows={rows}
                rowKey={(r) => r.zone}
                columns={[
                  { head: <Term k="zone" />, label: "Zone", cell: (r) => <Link to={zoneHref(r.zone)}>{zoneName(r.zone)}</Link> },
                  { head: "Assets", label: "Assets", numeric: true, cell: (r) => (r.seen ? `${formatCount(r.seen.assets)}, ${formatCount(r.seen.approved)} approved` : "–") },
                  { head: "Links seen", label: "Links seen", cell: (r) => <Links of={r.seen} /> },
                  { head: "Open findings", label: "Open findings", numeric: true, cell: (r) => (r.seen?.open_findings ? <b>{formatCount(r.seen.open_findings)}</b> : <span className="quiet">{formatCount(r.seen?.open_findings)}</span>) },
                  { head: <Term k="baseline">Mode</Term>, label: "Mode", wide: true, cell: (r) => <ModeOf row={r} /> },
                  {
                    head: <span className="visually-hidden">Action</span>,
                    label: "Action",
                    cell: (r) =>
                      modeOf(r) && (
                        <GatedButton why={why} quietReason onClick={() => setAsk({ zone: r.zone, mode: modeOf(r) === "learning" ? "guarding" : "learning" })}>
                          {modeOf(r) === "learning" ? "Begin to guard" : "Learn again"}
                        </GatedButton>
                      ),
                  },
                ]}
              />
              {!q.data?.length && (
                <p className="hint">
                  {q.data === null ? "This version of the gateway does not learn what is normal." : "Nothing has been learned yet: what is new is not told apart from what is usual."} Dangerous commands are found all the same.
                </p>
              )}
            </>
          )}
        </Guard>
      </Panel>
      <Differences />
      {ask && (
        <ConfirmAct
          title={ask.mode === "guarding" ? `Guard ${zoneName(ask.zone)}?` : `Learn ${zoneName(ask.zone)} again?`}
          action={ask.mode === "guarding" ? "Begin to guard" : "Learn"}
          act={() => monitor.setMode(ask.zone, ask.mode)}
          renews="monitor-lists"
          onClose={() => setAsk(null)}
        >
          <p>
            {ask.mode === "guarding"
              ? "From now on everything that was not seen while learning is a finding: new assets, links, functions, points and writers."
              : "New assets, links and points are taken as normal from now on and raise nothing. Dangerous commands raise findings as before."}
          </p>
          {ask.zone === "" && <p>This holds for every zone without a mode of its own.</p>}
        </ConfirmAct>
      )}
    </>
  );
}

function Links({ of }: { of: SeenZone | undefined }) {
  if (!of) return <span className="quiet">–</span>;
  const parts = [`${formatCount(of.seen)} seen`, of.encrypted ? `${formatCount(of.encrypted)} encrypted` : "", of.one_way ? `${formatCount(of.one_way)} one direction only` : ""];
  return <>{parts.filter(Boolean).join(", ")}</>;
}

function ModeOf({ row: { mode, seen } }: { row: Row }) {
  if (!mode) return seen?.mode ? <>{seen.mode}, <span className="quiet">as everything without a mode of its own</span></> : <span className="quiet">nothing is learned</span>;
  return (
    <>
      <Status tone={mode.mode === "learning" ? "off" : "normal"}>{mode.mode}</Status> <For ms={mode.since} />
      {mode.by ? `, by ${person(mode.by)}` : ""}
      {mode.mode === "learning" && mode.quiet_s !== null && mode.quiet_s !== undefined && <div className="small">nothing new for {formatDuration(mode.quiet_s)}</div>}
    </>
  );
}

function Differences() {
  const client = useQueryClient();
  const why = useWhyNot("engineer", "approve differences");
  const q = useQuery({ queryKey: ["monitor-lists", "differences"], queryFn: ({ signal }) => monitor.differences({ signal }), refetchInterval: COUNTS_MS });
  const approve = useMutation({ mutationFn: (ids: string[]) => monitor.approveDifferences(ids), onSettled: () => client.invalidateQueries({ queryKey: ["monitor-lists"] }) });
  const rows = q.data?.differences ?? [];
  if (q.data === null) return null;
  return (
    <Panel
      title="Different from what was learned"
      id="differences"
      aside={rows.length > 0 && <span className="quiet">{plural(rows.length, "difference")}{q.data?.more ? ", and more" : ""}</span>}
    >
      <Guard query={q} what="the differences">
        {approve.error && <ErrorBox error={approve.error} />}
        {rows.length === 0 ? (
          <p>None. A zone that is guarded shows here what was not seen while it learned.</p>
        ) : (
          <Table
            caption="Differences"
            rows={rows.slice(0, 300)}
            rowKey={(d) => d.id}
            columns={[
              { head: "What", label: "What", cell: (d) => DIFFERENCE[d.kind] ?? d.kind },
              { head: "Difference", label: "Difference", wide: true, cell: (d) => <What of={d} /> },
              { head: "Zone", label: "Zone", cell: (d) => zoneName(d.zone) },
              { head: "Times", label: "Times", numeric: true, cell: (d) => `${formatCount(d.count)}×` },
              { head: "Last", label: "Last", cell: (d) => <Age ms={d.last} /> },
              {
                head: <span className="visually-hidden">Action</span>,
                label: "Action",
                cell: (d) => (
                  <GatedButton why={why} quietReason onClick={() => approve.mutate([d.id])}>
                    It is normal
                  </GatedButton>
                ),
              },
            ]}
          />
        )}
      </Guard>
    </Panel>
  );
}

function What({ of: d }: { of: Difference }) {
  return (
    <>
      <Prose>{d.title}</Prose>
      <div className="small">
        {d.source && <AssetName id={d.source} />} {d.target && d.target !== d.source && <>to <AssetName id={d.target} /></>} {d.finding && <Link to={findingHref(d.finding)}>Finding</Link>}
      </div>
    </>
  );
}
