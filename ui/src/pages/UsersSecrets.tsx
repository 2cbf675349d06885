import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api } from "../api/client";
import type { Secret } from "../api/types";
import { ConfirmAct, Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { GatedButton } from "../parts/Gate";
import { Code, Empty, ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { useWhyNot } from "../session";
import { COMMANDS } from "../words/commands";

export function SecretsPanel() {
  const why = useWhyNot("engineer", "set secrets");
  const [setting, setSetting] = useState<string | null>(null);
  const [removing, setRemoving] = useState<Secret | null>(null);
  return (
    <Panel
      title={<Term k="secret">Secrets</Term>}
      id="secrets"
      aside={
        <GatedButton why={why} onClick={() => setSetting("")}>
          Set a secret
        </GatedButton>
      }
    >
      {why === null && <Secrets onSet={setSetting} onRemove={setRemoving} />}
      {setting !== null && <SetDialog name={setting} onClose={() => setSetting(null)} />}
      {removing && <RemoveDialog secret={removing} onClose={() => setRemoving(null)} />}
    </Panel>
  );
}

function Secrets({ onSet, onRemove }: { onSet: (name: string) => void; onRemove: (s: Secret) => void }) {
  const q = useQuery({ queryKey: ["secrets"], queryFn: ({ signal }) => api.secrets({ signal }) });
  const columns: Column<Secret>[] = [
    { head: "Name", label: "Name", cell: (s) => <b>{s.name}</b> },
    { head: "Set", label: "Set", cell: (s) => <Time ms={s.set_at} age /> },
    { head: "Used by", label: "Used by", wide: true, cell: (s) => s.used_by.join(", ") || <span className="quiet">nothing; it can be removed</span> },
    {
      head: <span className="visually-hidden">Actions</span>,
      label: "Actions",
      cell: (s) => (
        <span className="actions">
          <button type="button" onClick={() => onSet(s.name)} aria-label={`Replace secret ${s.name}`}>
            Replace
          </button>
          <button type="button" onClick={() => onRemove(s)} aria-label={`Remove secret ${s.name}`}>
            Remove
          </button>
        </span>
      ),
    },
  ];
  return (
    <Guard query={q} what="the secrets">
      {q.data?.length === 0 ? (
        <Empty title="No secret is set.">
          <p>
            A file refers to a secret by its name, <code>{'password = { secret = "hq-db" }'}</code>. Set its value here or on the machine:
          </p>
          <Code>{COMMANDS.setSecret}</Code>
        </Empty>
      ) : (
        <Table caption="Secrets" columns={columns} rows={q.data ?? []} rowKey={(s) => s.name} />
      )}
    </Guard>
  );
}

function SetDialog({ name: known, onClose }: { name: string; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(known);
  const [value, setValue] = useState("");
  const set = useMutation({
    mutationFn: () => api.setSecret(name.trim(), value),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["secrets"] });
      onClose();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    set.mutate();
  };
  return (
    <Dialog title={known ? `Replace secret ${known}` : "Set a secret"} onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Name">
          <input required pattern="[A-Za-z0-9_\-]{1,64}" title="Letters, digits, _ and -, up to 64" readOnly={known !== ""} value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Value" hint="It can be replaced later, never read back.">
          <input type="password" autoComplete="off" required value={value} onChange={(e) => setValue(e.target.value)} />
        </Field>
        {set.error && <ErrorBox error={set.error} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={set.isPending}>
            Set the secret
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function RemoveDialog({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  return (
    <ConfirmAct title={`Remove secret ${secret.name}?`} action="Remove secret" act={() => api.removeSecret(secret.name)} renews="secrets" onClose={onClose}>
      <p>{secret.used_by.length > 0 ? `Still used by ${secret.used_by.join(", ")}: its next connect will fail.` : "Nothing uses it."}</p>
    </ConfirmAct>
  );
}
