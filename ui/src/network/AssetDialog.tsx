import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { monitor, type AssetChange, type AssetRow } from "../api/monitor";
import { Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { ErrorBox } from "../parts/Messages";
import { assetChange, type AssetForm } from "./form";
import { levelName, LEVELS } from "./words";

/** What a person knows of an asset and packets do not tell. */
export function AssetDialog({ asset: a, onClose }: { asset: AssetRow; onClose: () => void }) {
  const client = useQueryClient();
  const before: AssetForm = { name: a.given_name ?? "", zone: a.zone_given ? a.zone : "", level: a.level_given ? String(a.level ?? "") : "", note: a.note ?? "" };
  const [form, setForm] = useState(before);
  const [tried, setTried] = useState(false);
  const save = useMutation({
    mutationFn: (change: AssetChange) => monitor.change(a.id, change),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["monitor-lists"] });
      onClose();
    },
  });
  const { change, problems } = assetChange(before, form);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if (Object.keys(change).length === 0) onClose();
    else save.mutate(change);
  };
  const set = (key: keyof AssetForm) => (e: { target: { value: string } }) => setForm({ ...form, [key]: e.target.value });
  const guessed = a.level_given || a.level === null ? "" : `, now: ${levelName(a.level)}`;
  return (
    <Dialog title={`What is ${a.name || a.id}?`} onClose={onClose} busy={save.isPending} testId="asset-dialog">
      <form className="stack" onSubmit={submit}>
        <Field label="Name" hint="Empty: what it says of itself." problem={tried ? (problems.name ?? null) : null}>
          <input value={form.name} onChange={set("name")} />
        </Field>
        <Field label="Zone" hint="A word like line-1: assets that share one level of protection. Empty: by its connection, if it has one." problem={tried ? (problems.zone ?? null) : null}>
          <input value={form.zone} onChange={set("zone")} />
        </Field>
        <Field label="Level">
          <select value={form.level} onChange={set("level")}>
            <option value="">By what it does{guessed}</option>
            {LEVELS.map((l) => (
              <option key={l.level} value={l.level}>
                {l.level} {l.name}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Note" problem={tried ? (problems.note ?? null) : null}>
          <textarea rows={4} value={form.note} onChange={set("note")} />
        </Field>
        {save.error && <ErrorBox error={save.error} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={save.isPending}>
            Save
          </button>
          <button type="button" disabled={save.isPending} onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
