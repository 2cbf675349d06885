import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { discovery, type Found, type NetworkScan } from "../api/discover";
import { formatCount, plural } from "../format/number";
import { Empty, ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Table, type Column } from "../parts/Table";
import { For } from "../parts/Time";
import { DraftOf } from "./DraftOf";

/** One look at the network: how far it is, what answered. */
export function ScanPanel({ id }: { id: string }) {
  const client = useQueryClient();
  const [drafting, setDrafting] = useState<number | null>(null);
  const q = useQuery({
    queryKey: ["scan", id],
    queryFn: ({ signal }) => discovery.scan(id, { signal }),
    refetchInterval: (query) => (query.state.data && query.state.data.state !== "running" ? false : 1000),
  });
  const stop = useMutation({ mutationFn: () => discovery.stop(id), onSettled: () => client.invalidateQueries({ queryKey: ["scan", id] }) });
  const scan = q.data;
  const chosen = scan?.found.find((f) => f.index === drafting);
  return (
    <>
      <Panel
        title="What was found"
        id="found"
        aside={
          scan?.state === "running" ? (
            <button type="button" disabled={stop.isPending} onClick={() => stop.mutate()}>
              Stop
            </button>
          ) : null
        }
      >
        <Guard query={q} what="what was found">
          {scan && <Progress scan={scan} />}
          {stop.error && <ErrorBox error={stop.error} />}
          {scan && <FoundTable scan={scan} drafting={drafting} onDraft={setDrafting} />}
          {scan && scan.remarks.length > 0 && (
            <details>
              <summary>{plural(scan.remarks.length, "remark")}</summary>
              <ul className="bullets">
                {scan.remarks.map((r, i) => (
                  <li key={i}>
                    {r.address && <span className="mono">{r.address}</span>} {r.protocol}: <Prose>{r.text}</Prose>
                  </li>
                ))}
              </ul>
            </details>
          )}
        </Guard>
      </Panel>
      {chosen && <DraftOf key={chosen.index} scan={id} found={chosen} onClose={() => setDrafting(null)} />}
    </>
  );
}

function Progress({ scan: s }: { scan: NetworkScan }) {
  const [done, total] = [s.addresses_done ?? 0, s.addresses_total ?? 0];
  const rest = [
    `${formatCount(s.packets_sent)} packets sent`,
    ...(s.faults ? [plural(s.faults, "fault")] : []),
    ...(s.backed_off ? [`${plural(s.backed_off, "address", "addresses")} left alone after faults`] : []),
  ].join(", ");
  return (
    <div className="progress">
      {s.state === "running" && <progress max={Math.max(1, total)} value={done} aria-label="Addresses asked" />}
      <p role="status" data-testid="scan-state" data-state={s.state}>
        {s.state === "running" ? (
          <>
            Asking: {formatCount(done)} of {plural(total, "address", "addresses")} <For ms={s.started} />
          </>
        ) : (
          `${s.state === "stopped" ? "Stopped" : "Done"}: ${formatCount(done)} of ${plural(total, "address", "addresses")} asked`
        )}
        . <span className="quiet">{rest}.</span>
      </p>
    </div>
  );
}

function FoundTable({ scan, drafting, onDraft }: { scan: NetworkScan; drafting: number | null; onDraft: (index: number) => void }) {
  if (scan.found.length === 0) {
    return scan.state === "running" ? (
      <p className="quiet">Nothing has answered yet.</p>
    ) : (
      <Empty title="Nothing answered.">
        <p>Check that the range is right and that no firewall stands between this machine and the devices. Some devices listen on another port: name it in their manual's words.</p>
      </Empty>
    );
  }
  const columns: Column<Found>[] = [
    {
      head: "Address",
      label: "Address",
      cell: (f) => (
        <>
          <span className="mono">
            {f.address}
            {f.port ? `:${f.port}` : ""}
          </span>
          <div className="quiet small">{[f.where, f.hardware].filter(Boolean).join(", ")}</div>
        </>
      ),
    },
    {
      head: "Device",
      label: "Device",
      wide: true,
      cell: (f) => (
        <>
          <b>{[f.vendor, f.model].filter(Boolean).join(" ") || f.name || "says no name"}</b>
          <div className="quiet small">{[f.firmware && `firmware ${f.firmware}`, f.serial && `serial ${f.serial}`, f.vendor || f.model ? f.name : ""].filter(Boolean).join(", ")}</div>
          {f.details.length > 0 && (
            <details className="small">
              <summary>More that it said</summary>
              <dl className="pairs">
                {f.details.map((d) => (
                  <div key={d.name}>
                    <dt>{d.name}</dt>
                    <dd>{d.value}</dd>
                  </div>
                ))}
              </dl>
            </details>
          )}
        </>
      ),
    },
    {
      head: "Protocol",
      label: "Protocol",
      wide: true,
      cell: (f) => (
        <>
          {f.title ?? f.protocol}
          {f.security && <div className="quiet small">{f.security}</div>}
        </>
      ),
    },
    {
      head: <span className="visually-hidden">Action</span>,
      label: "Action",
      cell: (f) =>
        f.can_draft ? (
          <button type="button" onClick={() => onDraft(f.index)} aria-label={`Draft a connection to ${f.address} ${f.where ?? ""}`}>
            Draft a connection
          </button>
        ) : (
          <span className="quiet small">cannot be drafted yet</span>
        ),
    },
  ];
  return <Table caption="Devices found" columns={columns} rows={scan.found} rowKey={(f) => f.index} rowClass={(f) => (f.index === drafting ? "selected" : "")} />;
}
