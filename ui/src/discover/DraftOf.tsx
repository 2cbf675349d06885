import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState, type FormEvent } from "react";
import { discovery, type Found } from "../api/discover";
import { Field } from "../parts/Field";
import { ErrorBox, Loading } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { DraftView } from "./DraftView";

/** A draft of one device that was found; name and profile can be changed, and it is drafted anew. */
export function DraftOf({ scan, found, onClose }: { scan: string; found: Found; onClose: () => void }) {
  const known = useQuery({ queryKey: ["discover-protocols"], queryFn: ({ signal }) => discovery.protocols({ signal }), staleTime: 300_000 });
  const [name, setName] = useState("");
  const [profile, setProfile] = useState(found.profile ?? "");
  const draft = useMutation({
    mutationFn: () => discovery.draft(scan, { index: found.index, profile, ...(name.trim() === "" ? {} : { name: name.trim() }) }),
  });
  const { mutate } = draft;
  useEffect(() => mutate(), [mutate]);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    mutate();
  };
  return (
    <Panel
      title={`Draft for ${found.address}`}
      id="draft"
      aside={
        <button type="button" onClick={onClose}>
          Close
        </button>
      }
    >
      <form className="form-row" onSubmit={submit}>
        <Field label="Name of the connection" hint="Empty: made from what the device says.">
          <input value={name} pattern="[A-Za-z0-9_\-]{1,64}" title="Letters, digits, _ and -, up to 64" placeholder="line-1" onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Device profile" hint="A known list of points, e.g. of an energy meter.">
          <select value={profile} onChange={(e) => setProfile(e.target.value)}>
            <option value="">none</option>
            {known.data?.profiles.map((p) => (
              <option key={p.name} value={p.name}>
                {p.title}
              </option>
            ))}
          </select>
        </Field>
        <div className="field end-field">
          <button type="submit" disabled={draft.isPending}>
            Draft again
          </button>
        </div>
      </form>
      {draft.error && <ErrorBox error={draft.error} />}
      {draft.isPending && !draft.data && <Loading what="the device's answers" />}
      {draft.data && <DraftView draft={draft.data} />}
    </Panel>
  );
}
