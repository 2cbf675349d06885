import { useState, type FormEvent } from "react";
import type { FileKind } from "../api/config";
import { Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { drafts, fileName } from "./drafts";

const FOLDERS: Record<FileKind["sort"], string> = { connection: "connections", destination: "destinations", asset: "assets", type: "types" };
const GROUPS: [FileKind["sort"], string][] = [
  ["connection", "Connection: a device or gateway"],
  ["destination", "Destination: where data goes"],
  ["asset", "Asset"],
  ["type", "Asset type"],
];

/** A new file begins with the sample of its kind: every line can be read before it is changed. */
export function NewFileDialog(props: { kinds: FileKind[]; taken: string[]; onClose: () => void; onMade: (name: string) => void }) {
  const [which, setWhich] = useState("");
  const [name, setName] = useState("");
  const [tried, setTried] = useState(false);
  const kind = props.kinds.find((k) => `${k.sort}/${k.name}` === which);
  const file = kind ? fileName(FOLDERS[kind.sort], name) : "";
  const problem = file === "" ? "Give a name with letters or digits." : props.taken.includes(file) || drafts.get(file) ? `${file} is there already.` : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (!kind || problem) return;
    drafts.set(file, { text: kind.sample, version: null });
    props.onMade(file);
  };
  return (
    <Dialog title="Add a file" onClose={props.onClose}>
      <form onSubmit={submit} noValidate>
        <Field label="What it describes" problem={tried && !kind ? "Choose what it describes." : null}>
          <select value={which} onChange={(e) => setWhich(e.target.value)}>
            <option value="">Choose …</option>
            {GROUPS.map(([sort, label]) => (
              <optgroup key={sort} label={label}>
                {props.kinds
                  .filter((k) => k.sort === sort)
                  .map((k) => (
                    <option key={k.name} value={`${k.sort}/${k.name}`}>
                      {k.title}
                      {k.name ? ` (${k.name})` : ""}
                    </option>
                  ))}
              </optgroup>
            ))}
          </select>
        </Field>
        <Field label="Name" hint={file ? `The file is ${file}.` : "Of the machine, line or system, e.g. line-1."} problem={tried && kind ? problem : null}>
          <input value={name} autoCapitalize="none" placeholder="line-1" onChange={(e) => setName(e.target.value)} />
        </Field>
        <div className="actions">
          <button type="submit" className="primary">
            Begin with the sample
          </button>
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
