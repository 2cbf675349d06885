/** Servers show a certificate; whether it is theirs only a person can know. Refused ones wait here for a decision. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { certificates, type Certificate } from "../api/certificates";
import { useNow } from "../live/clock";
import { ConfirmAct } from "../parts/Dialog";
import { GatedButton } from "../parts/Gate";
import { Empty, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { useWhyNot } from "../session";

/** SHA-1 in groups, so that two people can compare it over the phone. */
const grouped = (thumbprint: string) => thumbprint.toUpperCase().replace(/(.{4})(?=.)/g, "$1 ");

const known = { queryKey: ["certificates"], queryFn: ({ signal }: { signal: AbortSignal }) => certificates.list({ signal }), refetchInterval: 5000 };

/** A server waits for a decision: it is shown before everything else. */
export function useUndecided(enabled: boolean): boolean {
  return useQuery({ ...known, enabled }).data?.certificates.some((c) => c.standing === "rejected") ?? false;
}

export function CertificatesPanel() {
  const why = useWhyNot("engineer", "trust or reject a server");
  const now = useNow();
  const q = useQuery(known);
  const [deciding, setDeciding] = useState<Certificate | null>(null);
  const columns: Column<Certificate>[] = [
    {
      head: "Server",
      label: "Server",
      wide: true,
      cell: (c) => (
        <>
          <b>{c.subject || "says no name"}</b>
          {c.uri && <div className="quiet small">{c.uri}</div>}
          {c.of === "client" && <div className="quiet small">a client of our own OPC UA server</div>}
        </>
      ),
    },
    { head: <Term k="thumbprint" />, label: "Thumbprint", wide: true, cell: (c) => <span className="mono">{grouped(c.thumbprint)}</span> },
    {
      head: "Valid until",
      label: "Valid until",
      cell: (c) => (c.until && c.until < now ? <Status tone="attention">expired</Status> : <Time ms={c.until} />),
    },
    {
      head: "Standing",
      label: "Standing",
      cell: (c) => (c.standing === "trusted" ? "trusted" : <Status tone="attention">refused: waits for a decision</Status>),
    },
    {
      head: <span className="visually-hidden">Action</span>,
      label: "Action",
      cell: (c) => (
        <GatedButton why={why} quietReason onClick={() => setDeciding(c)}>
          {c.standing === "trusted" ? "Trust no more" : "Trust it …"}
        </GatedButton>
      ),
    },
  ];
  return (
    <Panel title={<Term k="certificate">Certificates of servers</Term>} id="certificates">
      <Guard query={q} what="the certificates">
        {q.data?.certificates.length === 0 ? (
          <Empty title="No server has shown a certificate yet.">
            <p>An OPC UA server that is talked to for the first time appears here. Until somebody trusts it, nothing is exchanged.</p>
          </Empty>
        ) : (
          <Table caption="Certificates of servers" columns={columns} rows={q.data?.certificates ?? []} rowKey={(c) => c.thumbprint} rowClass={(c) => (c.standing === "rejected" ? "row-attention" : "")} />
        )}
        {q.data?.own && (
          <p className="hint">
            Our own certificate, for servers that must be told to trust this gateway: <span className="mono">{q.data.own}</span> on the machine.
          </p>
        )}
      </Guard>
      {deciding && <DecideDialog certificate={deciding} onClose={() => setDeciding(null)} />}
    </Panel>
  );
}

function DecideDialog({ certificate: c, onClose }: { certificate: Certificate; onClose: () => void }) {
  const trust = c.standing !== "trusted";
  return (
    <ConfirmAct
      title={trust ? "Trust this server?" : "Trust this server no more?"}
      action={trust ? "The thumbprint is right: trust it" : "Trust it no more"}
      act={() => certificates.decide(c.thumbprint, trust)}
      renews="certificates"
      onClose={onClose}
    >
      <p>
        <b>{c.subject}</b>
        <br />
        <span className="mono">{grouped(c.thumbprint)}</span>
      </p>
      {trust ? (
        <p>
          Compare the thumbprint with the one that the server itself shows, at the machine or with whoever runs it: anybody can give a certificate this name. Its connection tries again
          within 30 s.
        </p>
      ) : (
        <p>
          From its next connect on it is refused, until it is trusted again. A connection that stands goes on: pause and resume it to end it now. What was recorded stays.
        </p>
      )}
    </ConfirmAct>
  );
}
