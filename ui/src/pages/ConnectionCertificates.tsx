/** Servers and clients show a certificate; whether it is theirs only a person can know. Refused ones wait here for a decision. */
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

/** Whether there is any, and whether one waits for a decision: that is shown before everything else. */
export function useCertificates(): { any: boolean; undecided: boolean } {
  const all = useQuery(known).data?.certificates ?? [];
  return { any: all.length > 0, undecided: all.some((c) => c.standing === "rejected") };
}

export function CertificatesPanel() {
  const why = useWhyNot("engineer", "trust or reject a certificate");
  const now = useNow();
  const q = useQuery(known);
  const [deciding, setDeciding] = useState<Certificate | null>(null);
  const columns: Column<Certificate>[] = [
    {
      head: "Whose",
      label: "Whose",
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
    <Panel title={<Term k="certificate">Certificates of servers and clients</Term>} id="certificates">
      <Guard query={q} what="the certificates">
        {q.data?.certificates.length === 0 ? (
          <Empty title="Nobody has shown a certificate yet.">
            <p>An OPC UA server that is talked to for the first time appears here, and so does a client of our own OPC UA server. Until somebody trusts it, nothing is exchanged.</p>
          </Empty>
        ) : (
          <Table caption="Certificates of servers and clients" columns={columns} rows={q.data?.certificates ?? []} rowKey={(c) => c.thumbprint} rowClass={(c) => (c.standing === "rejected" ? "row-attention" : "")} />
        )}
        {q.data?.own && (
          <p className="hint">
            Our own certificate, for servers and clients that must be told to trust this gateway: <span className="mono">{q.data.own}</span> on the machine.
          </p>
        )}
      </Guard>
      {deciding && <DecideDialog certificate={deciding} onClose={() => setDeciding(null)} />}
    </Panel>
  );
}

function DecideDialog({ certificate: c, onClose }: { certificate: Certificate; onClose: () => void }) {
  const trust = c.standing !== "trusted";
  const who = c.of === "client" ? "client" : "server";
  return (
    <ConfirmAct
      title={trust ? `Trust this ${who}?` : `Trust this ${who} no more?`}
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
          Compare the thumbprint with the one that the {who} itself shows, at the machine or with whoever runs it: anybody can give a certificate this name.{" "}
          {who === "client" ? "It can connect at once; it still needs a user and a password." : "Its connection tries again within 30 s."}
        </p>
      ) : (
        <p>
          From its next connect on it is refused, until it is trusted again.{" "}
          {who === "client" ? "A session that is open goes on until it ends." : "A connection that stands goes on: pause and resume it to end it now. What was recorded stays."}
        </p>
      )}
    </ConfirmAct>
  );
}
