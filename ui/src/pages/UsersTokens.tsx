import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api } from "../api/client";
import type { Role, Token } from "../api/types";
import { Copy } from "../parts/Copy";
import { ConfirmAct, Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { GatedButton } from "../parts/Gate";
import { Empty, ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Age, Time } from "../parts/Time";
import { useNow } from "../live/clock";
import { atLeast, ROLES, ROLE_TEXT, useSession, useWhyNot } from "../session";

export function TokensPanel() {
  const why = useWhyNot("engineer", "see and make tokens");
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Token | null>(null);
  return (
    <Panel
      title={<Term k="token">API tokens</Term>}
      id="tokens"
      aside={
        <GatedButton why={why} onClick={() => setAdding(true)}>
          Make a token
        </GatedButton>
      }
    >
      {why === null && <Tokens onRemove={setRemoving} />}
      {adding && <AddDialog onClose={() => setAdding(false)} />}
      {removing && <RemoveDialog token={removing} onClose={() => setRemoving(null)} />}
    </Panel>
  );
}

function Tokens({ onRemove }: { onRemove: (t: Token) => void }) {
  const now = useNow();
  const q = useQuery({ queryKey: ["tokens"], queryFn: ({ signal }) => api.tokens({ signal }) });
  const columns: Column<Token>[] = [
    { head: "Name", label: "Name", cell: (t) => <b>{t.name}</b> },
    { head: "Role", label: "Role", cell: (t) => t.role },
    { head: "Only below", label: "Only below", cell: (t) => t.prefix || <span className="quiet">everything</span> },
    { head: "Last used", label: "Last used", cell: (t) => (t.last_used ? <Age ms={t.last_used} /> : <span className="quiet">never</span>) },
    {
      head: "Expires",
      label: "Expires",
      cell: (t) => (!t.expires ? <span className="quiet">never</span> : t.expires < now ? <Status tone="off">expired</Status> : <Time ms={t.expires} />),
    },
    {
      head: <span className="visually-hidden">Actions</span>,
      label: "Actions",
      cell: (t) => (
        <button type="button" onClick={() => onRemove(t)} aria-label={`Remove token ${t.name}`}>
          Remove
        </button>
      ),
    },
  ];
  return (
    <Guard query={q} what="the tokens">
      {q.data?.length === 0 ? (
        <Empty title="No token yet.">
          <p>
            Programs such as Grafana or a script need one. Press Make a token, then send it with every request as the header{" "}
            <code>authorization: Bearer ib_…</code>
          </p>
        </Empty>
      ) : (
        <Table caption="API tokens" columns={columns} rows={q.data ?? []} rowKey={(t) => t.id} />
      )}
    </Guard>
  );
}

function AddDialog({ onClose }: { onClose: () => void }) {
  const { user } = useSession();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [prefix, setPrefix] = useState("");
  const [days, setDays] = useState("365");
  const add = useMutation({
    mutationFn: () =>
      api.addToken({ name: name.trim(), role, prefix: prefix.trim() || null, expires_days: days === "" ? null : Number(days) }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["tokens"] }),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  if (add.data) {
    return (
      <Dialog title={`Token ${name}`} onClose={onClose}>
        <p>Copy the token now: it is shown only once. Who has it can do what a {role} may do.</p>
        <Copy label="Token" text={add.data.token} />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Done
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Make a token" onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Name" hint="The program that will use it.">
          <input required value={name} placeholder="grafana" onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Role" hint={ROLE_TEXT[role]}>
          <select value={role} onChange={(e) => setRole(e.target.value as Role)}>
            {ROLES.filter((r) => r !== "administrator" && atLeast(user.role, r)).map((r) => (
              <option key={r}>{r}</option>
            ))}
          </select>
        </Field>
        <Field label="Only below this prefix" hint="Empty means everything.">
          <input value={prefix} placeholder="packaging/line-1" onChange={(e) => setPrefix(e.target.value)} />
        </Field>
        <Field label="Expires after (days)" hint="Empty means never.">
          <input type="number" min={1} max={3650} value={days} onChange={(e) => setDays(e.target.value)} />
        </Field>
        {add.error && <ErrorBox error={add.error} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={add.isPending}>
            Make the token
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function RemoveDialog({ token, onClose }: { token: Token; onClose: () => void }) {
  return (
    <ConfirmAct title={`Remove token ${token.name}?`} action="Remove token" act={() => api.removeToken(token.id)} renews="tokens" onClose={onClose}>
      <p>
        The program that uses it is refused from now on. It was last used <Age ms={token.last_used} />.
      </p>
    </ConfirmAct>
  );
}
