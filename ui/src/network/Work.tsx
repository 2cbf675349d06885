/** Expected work: who works on which assets until when. A planned download is then recorded quietly, not an alarm. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { monitor, type WorkWindow } from "../api/monitor";
import { formatCount } from "../format/number";
import { toLocalInput, zoneName } from "../format/time";
import { person } from "../format/who";
import { serverNow } from "../live/clock";
import { ConfirmAct, Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { GatedButton } from "../parts/Gate";
import { ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { useWhyNot } from "../session";
import { workOf, type WorkForm } from "./form";
import { AssetNames } from "./Parts";
import { COUNTS_MS, useRenewal } from "./useMonitor";
import { ordered } from "./words";

const HOURS = 3_600_000;

export function WorkPanel() {
  useRenewal("windows");
  const why = useWhyNot("engineer", "announce work");
  const [past, setPast] = useState(false);
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<WorkWindow | null>(null);
  const q = useQuery({ queryKey: ["monitor-lists", "windows", past], queryFn: ({ signal }) => monitor.windows(past, { signal }), refetchInterval: COUNTS_MS, placeholderData: (old) => old });
  const rows = q.data ?? [];
  if (q.data === null) return null;
  const columns: Column<WorkWindow>[] = [
    {
      head: "Who",
      label: "Who",
      cell: (w) => (
        <>
          {w.who}
          <div className="quiet small">{[w.ticket, w.note].filter(Boolean).join(", ")}</div>
        </>
      ),
    },
    { head: "Works on", label: "Works on", wide: true, cell: (w) => <AssetNames ids={w.assets} /> },
    { head: "From", label: "From", cell: (w) => <Time ms={w.from} /> },
    { head: "Until", label: "Until", cell: (w) => <Time ms={w.until} /> },
    {
      head: "State",
      label: "State",
      cell: (w) => (
        <>
          {w.state}
          {w.by ? <div className="quiet small">announced by {person(w.by)}</div> : null}
        </>
      ),
    },
    { head: "Recorded", label: "Recorded", numeric: true, cell: (w) => formatCount(w.findings) },
    {
      head: <span className="visually-hidden">Action</span>,
      label: "Action",
      cell: (w) =>
        w.state === "open" || w.state === "planned" ? (
          <GatedButton why={why} quietReason onClick={() => setEnding(w)}>
            End it now
          </GatedButton>
        ) : null,
    },
  ];
  return (
    <Panel
      title={<Term k="workWindow" />}
      id="work"
      aside={
        <div className="actions">
          <label className="check">
            <input type="checkbox" checked={past} onChange={(e) => setPast(e.target.checked)} /> Also past
          </label>
          <GatedButton why={why} onClick={() => setAdding(true)}>
            Announce work
          </GatedButton>
        </div>
      }
    >
      <Guard query={q} what="expected work">
        {rows.length === 0 ? (
          <p>None. Before somebody downloads a program or changes settings, announce it: then it is recorded with its ticket instead of raising an alarm.</p>
        ) : (
          <Table caption="Expected work" columns={columns} rows={rows} rowKey={(w) => w.id} />
        )}
      </Guard>
      {adding && <WorkDialog onClose={() => setAdding(false)} />}
      {ending && (
        <ConfirmAct title={`End the work of ${ending.who}?`} action="End it now" act={() => monitor.endWindow(ending.id)} renews="monitor-lists" onClose={() => setEnding(null)}>
          <p>From now on a download or another dangerous command on these assets is a finding again.</p>
        </ConfirmAct>
      )}
    </Panel>
  );
}

function WorkDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const assets = useQuery({ queryKey: ["monitor-lists", "assets"], queryFn: ({ signal }) => monitor.assets({ signal }) });
  const [form, setForm] = useState<WorkForm>({ who: "", ticket: "", until: toLocalInput(serverNow() + 8 * HOURS).slice(0, 16), note: "", assets: [] });
  const [tried, setTried] = useState(false);
  const { window, problems } = workOf(form, serverNow());
  const run = useMutation({
    mutationFn: () => monitor.addWindow(window),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["monitor-lists"] });
      onClose();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (Object.keys(problems).length === 0) run.mutate();
  };
  const set = (key: "who" | "ticket" | "until" | "note") => (e: { target: { value: string } }) => setForm({ ...form, [key]: e.target.value });
  const choose = (id: string, on: boolean) => setForm({ ...form, assets: on ? [...form.assets, id] : form.assets.filter((other) => other !== id) });
  const shown = (key: keyof WorkForm) => (tried ? (problems[key] ?? null) : null);
  return (
    <Dialog title="Announce work" onClose={onClose} busy={run.isPending} testId="work-dialog">
      <form className="stack" onSubmit={submit}>
        <Field label="Who works" hint="The person or firm." problem={shown("who")}>
          <input value={form.who} maxLength={200} onChange={set("who")} />
        </Field>
        <fieldset>
          <legend>On which assets</legend>
          <ul className="choose-list">
            {ordered(assets.data?.assets ?? [], "name")
              .filter((a) => !a.own)
              .map((a) => (
                <li key={a.id}>
                  <label className="check">
                    <input type="checkbox" checked={form.assets.includes(a.id)} onChange={(e) => choose(a.id, e.target.checked)} />
                    <bdi>{a.name}</bdi> <span className="mono">{a.id}</span>
                  </label>
                </li>
              ))}
          </ul>
          {shown("assets") && <p className="problem">{shown("assets")}</p>}
        </fieldset>
        <Field label={`Until (${zoneName(serverNow())})`} hint="From now, at most 7 days." problem={shown("until")}>
          <input type="datetime-local" value={form.until} onChange={set("until")} />
        </Field>
        <Field label="Ticket or work order" problem={shown("ticket")}>
          <input value={form.ticket} maxLength={200} placeholder="CHG-123" onChange={set("ticket")} />
        </Field>
        <Field label="Note (may be empty)">
          <input value={form.note} maxLength={2000} onChange={set("note")} />
        </Field>
        {run.error && <ErrorBox error={run.error} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={run.isPending}>
            Announce it
          </button>
          <button type="button" disabled={run.isPending} onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
