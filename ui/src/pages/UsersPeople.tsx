import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api } from "../api/client";
import type { Role, User } from "../api/types";
import { Copy } from "../parts/Copy";
import { Confirm, Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { GatedButton } from "../parts/Gate";
import { Empty, ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Age, Time } from "../parts/Time";
import { ROLES, ROLE_TEXT, useSession, useWhyNot } from "../session";

type Asking = { what: "add" } | { what: "remove" | "link" | "disable" | "enable"; user: User } | { what: "show"; name: string; link: string } | null;

export function PeoplePanel() {
  const why = useWhyNot("administrator", "see and manage people");
  const [asking, setAsking] = useState<Asking>(null);
  return (
    <Panel
      title="Users"
      id="users"
      aside={
        <GatedButton why={why} onClick={() => setAsking({ what: "add" })}>
          Add a person
        </GatedButton>
      }
    >
      {why === null && <People onAsk={setAsking} />}
      {asking?.what === "add" && <AddDialog onClose={() => setAsking(null)} onLink={(name, link) => setAsking({ what: "show", name, link })} />}
      {asking?.what === "show" && (
        <Dialog title={`Link for ${asking.name}`} onClose={() => setAsking(null)}>
          <p>Give this link to {asking.name}. It works once and sets the password. It is shown only now.</p>
          <Copy label="One-time link" text={asking.link} />
          <div className="actions">
            <button type="button" onClick={() => setAsking(null)}>
              Done
            </button>
          </div>
        </Dialog>
      )}
      {asking && "user" in asking && <ActDialog asking={asking} onClose={() => setAsking(null)} onLink={(name, link) => setAsking({ what: "show", name, link })} />}
    </Panel>
  );
}

function People({ onAsk }: { onAsk: (a: Asking) => void }) {
  const { user: me } = useSession();
  const client = useQueryClient();
  const q = useQuery({ queryKey: ["users"], queryFn: ({ signal }) => api.users({ signal }) });
  const change = useMutation({
    mutationFn: (c: { name: string; role: Role }) => api.changeUser(c.name, { role: c.role }),
    onSettled: () => client.invalidateQueries({ queryKey: ["users"] }),
  });
  const columns: Column<User>[] = [
    { head: "Name", label: "Name", cell: (u) => <b>{u.name}</b> },
    {
      head: "Role",
      label: "Role",
      cell: (u) =>
        u.name === me.name ? (
          <>{u.role} (you)</>
        ) : (
          <select aria-label={`Role of ${u.name}`} value={u.role} onChange={(e) => change.mutate({ name: u.name, role: e.target.value as Role })}>
            {ROLES.map((r) => (
              <option key={r}>{r}</option>
            ))}
          </select>
        ),
    },
    { head: "State", label: "State", cell: (u) => (u.disabled ? <Status tone="off">disabled</Status> : "may sign in") },
    { head: "Last sign-in", label: "Last sign-in", cell: (u) => (u.last_sign_in ? <Age ms={u.last_sign_in} /> : <span className="quiet">never</span>) },
    { head: "Created", label: "Created", cell: (u) => <Time ms={u.created} /> },
    {
      head: <span className="visually-hidden">Actions</span>,
      label: "Actions",
      cell: (u) =>
        u.name === me.name ? (
          <span className="quiet">another administrator can change you</span>
        ) : (
          <span className="actions">
            <button type="button" onClick={() => onAsk({ what: "link", user: u })} aria-label={`New link for ${u.name}`}>
              New link
            </button>
            <button type="button" onClick={() => onAsk({ what: u.disabled ? "enable" : "disable", user: u })} aria-label={`${u.disabled ? "Enable" : "Disable"} ${u.name}`}>
              {u.disabled ? "Enable" : "Disable"}
            </button>
            <button type="button" onClick={() => onAsk({ what: "remove", user: u })} aria-label={`Remove ${u.name}`}>
              Remove
            </button>
          </span>
        ),
    },
  ];
  return (
    <Guard query={q} what="the users">
      {change.error && <ErrorBox error={change.error} />}
      {q.data?.length === 0 ? (
        <Empty title="No user is listed.">
          <p>Press Add a person; each gets a one-time link to set a password.</p>
        </Empty>
      ) : (
        <Table caption="Users" columns={columns} rows={q.data ?? []} rowKey={(u) => u.name} />
      )}
    </Guard>
  );
}

function AddDialog({ onClose, onLink }: { onClose: () => void; onLink: (name: string, link: string) => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const add = useMutation({
    mutationFn: () => api.addUser(name.trim(), role),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ["users"] });
      onLink(name.trim(), made.link);
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Name">
          <input required autoCapitalize="none" value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Role" hint={ROLE_TEXT[role]}>
          <select value={role} onChange={(e) => setRole(e.target.value as Role)}>
            {ROLES.map((r) => (
              <option key={r}>{r}</option>
            ))}
          </select>
        </Field>
        {add.error && <ErrorBox error={add.error} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={add.isPending}>
            Add and make a link
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const ACTS = {
  link: { title: "New link for", text: "The person can sign in once with it and set a new password.", action: "Make the link" },
  disable: { title: "Disable", text: "Signs the person out everywhere and refuses the next sign-in. Nothing is removed.", action: "Disable" },
  enable: { title: "Enable", text: "The person can sign in again with the old password.", action: "Enable" },
  remove: { title: "Remove", text: "The person can never sign in again. What they did stays in the audit log.", action: "Remove" },
} as const;

function ActDialog(props: { asking: { what: keyof typeof ACTS; user: User }; onClose: () => void; onLink: (name: string, link: string) => void }) {
  const { what, user } = props.asking;
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: async () => {
      if (what === "link") return (await api.userLink(user.name)).link;
      if (what === "remove") await api.removeUser(user.name);
      else await api.changeUser(user.name, { disabled: what === "disable" });
      return null;
    },
    onSuccess: async (link) => {
      await client.invalidateQueries({ queryKey: ["users"] });
      if (link === null) props.onClose();
      else props.onLink(user.name, link);
    },
  });
  return (
    <Confirm
      title={`${ACTS[what].title} ${user.name}?`}
      action={ACTS[what].action}
      onConfirm={() => act.mutate()}
      onClose={props.onClose}
      busy={act.isPending}
      error={act.error && <ErrorBox error={act.error} />}
    >
      <p>{ACTS[what].text}</p>
    </Confirm>
  );
}
