import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { commands, type Lease } from "../api/commands";
import { formatDuration } from "../format/time";
import { person } from "../format/who";
import { useNow } from "../live/clock";
import { ConfirmAct, Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { GatedButton } from "../parts/Gate";
import { Empty, ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { Link, namespaceHref } from "../router";
import { useWhyNot } from "../session";

/** Who holds the right to write where, so that two people do not turn the same knob. */
export function LeasesPanel({ prefix }: { prefix: string }) {
  const why = useWhyNot("operator", "hold the right to write");
  const q = useQuery({ queryKey: ["leases"], queryFn: ({ signal }) => commands.leases({ signal }), refetchInterval: 2000 });
  const [taking, setTaking] = useState<string | null>(null);
  const [releasing, setReleasing] = useState<Lease | null>(null);
  const columns: Column<Lease>[] = [
    { head: "Asset or area", label: "Asset or area", wide: true, cell: (l) => <Link to={namespaceHref(l.path)}>{l.path}</Link> },
    { head: "Held by", label: "Held by", cell: (l) => (l.mine ? <b>you</b> : person(l.holder)) },
    { head: "Why", label: "Why", wide: true, cell: (l) => l.reason || "–" },
    {
      head: "Until",
      label: "Until",
      cell: (l) => (
        <>
          <Time ms={l.until} /> <Left until={l.until} />
        </>
      ),
    },
    {
      head: <span className="visually-hidden">Actions</span>,
      label: "Actions",
      cell: (l) => (
        <span className="actions">
          {l.mine && (
            <button type="button" onClick={() => setTaking(l.path)} aria-label={`Prolong ${l.path}`}>
              Prolong
            </button>
          )}
          {l.may_release && (
            <button type="button" onClick={() => setReleasing(l)} aria-label={`${l.mine ? "Give back" : "Take away"} ${l.path}`}>
              {l.mine ? "Give back" : "Take away"}
            </button>
          )}
        </span>
      ),
    },
  ];
  return (
    <Panel
      title={<Term k="lease">The right to write</Term>}
      id="leases"
      aside={
        <GatedButton why={why} onClick={() => setTaking(prefix)}>
          Take the right to write
        </GatedButton>
      }
    >
      <Guard query={q} what="who holds the right to write">
        {q.data?.length === 0 ? (
          <Empty title="Nobody holds it: whoever may write, may write everywhere.">
            <p>Before you work on a machine, take the right for it: others see your name, and their writes there are rejected meanwhile.</p>
          </Empty>
        ) : (
          <Table caption="Who holds the right to write" columns={columns} rows={q.data ?? []} rowKey={(l) => l.path} />
        )}
      </Guard>
      {taking !== null && <TakeDialog path={taking} onClose={() => setTaking(null)} />}
      {releasing && (
        <ConfirmAct
          title={releasing.mine ? "Give the right back?" : `Take the right away from ${person(releasing.holder)}?`}
          action={releasing.mine ? "Give it back" : "Take it away"}
          act={() => commands.release(releasing.path)}
          renews="leases"
          onClose={() => setReleasing(null)}
        >
          <p>
            Everybody who may write can write below <span className="mono">{releasing.path}</span> again.{releasing.mine ? "" : " Speak with the holder first: somebody may stand at the machine."}
          </p>
        </ConfirmAct>
      )}
    </Panel>
  );
}

function Left({ until }: { until: number | null | undefined }) {
  const now = useNow();
  return until && until > now ? <span className="quiet">({formatDuration(Math.ceil((until - now) / 1000))} left)</span> : null;
}

function TakeDialog({ path: known, onClose }: { path: string; onClose: () => void }) {
  const client = useQueryClient();
  const [path, setPath] = useState(known);
  const [minutes, setMinutes] = useState("60");
  const [reason, setReason] = useState("");
  const take = useMutation({
    mutationFn: () => commands.lease(path.trim(), Number(minutes), reason.trim()),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["leases"] });
      onClose();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    take.mutate();
  };
  return (
    <Dialog title="Take the right to write" onClose={onClose} busy={take.isPending}>
      <form onSubmit={submit}>
        <Field label="Asset or area" hint="A path: everything at and below it.">
          <input className="mono" required spellCheck={false} value={path} placeholder="acme/leeds/packaging/line-1/filler" onChange={(e) => setPath(e.target.value)} />
        </Field>
        <Field label="For how many minutes" hint="1 to 480; it ends by itself.">
          <input type="number" required min={1} max={480} value={minutes} onChange={(e) => setMinutes(e.target.value)} />
        </Field>
        <Field label="Reason" hint="Others see it.">
          <input required maxLength={300} value={reason} onChange={(e) => setReason(e.target.value)} />
        </Field>
        {take.error && <ErrorBox error={take.error} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={take.isPending}>
            Take the right
          </button>
          <button type="button" disabled={take.isPending} onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
