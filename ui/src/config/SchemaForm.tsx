/** A form made from the schema of a kind of file. Every change goes into the text at once; comments in it stay. */
import { useState, type KeyboardEvent } from "react";
import type { Json, KeyChange } from "../api/config";
import { plural } from "../format/number";
import { Field as Labelled } from "../parts/Field";
import { Prose } from "../parts/Prose";
import { fieldsOf, shown, typed, valueAt, type Field } from "./schema";

export function SchemaForm({ schema, values, busy, onChange }: { schema: Json; values: Json; busy: boolean; onChange: (change: KeyChange) => void }) {
  return <Fields fields={fieldsOf(schema, values)} values={values} busy={busy} onChange={onChange} />;
}

type Shared = { values: Json; busy: boolean; onChange: (change: KeyChange) => void };

function Fields({ fields, ...shared }: { fields: Field[] } & Shared) {
  const simple = fields.filter((f) => f.sort !== "group" && f.sort !== "map" && f.sort !== "free");
  const written = simple.filter((f) => f.required || valueAt(shared.values, f.path) !== undefined);
  const others = simple.filter((f) => !written.includes(f));
  const nested = fields.filter((f) => f.sort === "group" || f.sort === "map" || f.sort === "free");
  const one = (f: Field) => <One key={`${f.path.join(".")}=${JSON.stringify(valueAt(shared.values, f.path) ?? null)}`} field={f} {...shared} />;
  return (
    <div className="schema-fields">
      {written.length > 0 && <div className="schema-row">{written.map(one)}</div>}
      {others.length > 0 && (
        <details>
          <summary>{plural(others.length, "more key", "more keys")}, at their defaults</summary>
          <div className="schema-row">{others.map(one)}</div>
        </details>
      )}
      {nested.map((f) => (
        <Nested key={f.path.join(".")} field={f} {...shared} />
      ))}
    </div>
  );
}

function Nested({ field, ...shared }: { field: Field } & Shared) {
  const head = (
    <>
      <b>{field.name}</b>{" "}
      <span className="quiet">
        <Prose>{field.about}</Prose>
      </span>
    </>
  );
  if (field.sort === "group") {
    return (
      <details className="schema-nest">
        <summary>{head}</summary>
        <Fields fields={field.fields} {...shared} />
      </details>
    );
  }
  if (field.sort === "map") {
    return (
      <details className="schema-nest" open={field.path.length === 1 && field.entries.length > 0}>
        <summary>
          {head} <span className="quiet">({plural(field.count, "entry", "entries")})</span>
        </summary>
        {field.entries.map((entry) => (
          <details key={entry.key} className="schema-nest" open={isTable(field.entry) && field.count === 1}>
            <summary className="mono">{entry.key}</summary>
            <Fields fields={entry.fields} {...shared} />
            <button type="button" disabled={shared.busy} onClick={() => shared.onChange({ path: [...field.path, entry.key], value: null })}>
              Take {entry.key} out
            </button>
          </details>
        ))}
        {field.count > field.entries.length ? (
          <p className="hint">Too many for a form: edit them in the text, or keep them in a spreadsheet.</p>
        ) : (
          <Add field={field} {...shared} />
        )}
      </details>
    );
  }
  return (
    <p className="hint schema-nest">
      {head} Edit it in the text.
    </p>
  );
}

const isTable = (field: Field) => field.sort === "group" || field.sort === "map";

/** A new entry of a table of names. What it needs is asked for as soon as it is there. */
function Add({ field, busy, onChange }: { field: Extract<Field, { sort: "map" }> } & Shared) {
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const [tried, setTried] = useState(false);
  const key = name.trim();
  const table = isTable(field.entry);
  const problem = key === "" ? "Give it a name." : field.entries.some((e) => e.key === key) ? `${key} is there already.` : null;
  const read = table ? { value: {}, problem: null } : typed(field.entry, value);
  const submit = () => {
    setTried(true);
    if (problem !== null || read.problem !== null) return;
    onChange({ path: [...field.path, key], value: read.value });
    setName("");
    setValue("");
    setTried(false);
  };
  const enter = (e: KeyboardEvent) => e.key === "Enter" && submit();
  return (
    <div className="form-row schema-add">
      <Labelled label={`New entry of ${field.name}`} problem={tried ? problem : null}>
        <input value={name} spellCheck={false} autoCapitalize="none" placeholder="name" onChange={(e) => setName(e.target.value)} onKeyDown={enter} />
      </Labelled>
      {!table && (
        <Labelled label="Its value" problem={tried ? read.problem : null}>
          <input value={value} spellCheck={false} onChange={(e) => setValue(e.target.value)} onKeyDown={enter} />
        </Labelled>
      )}
      <div className="field end-field">
        <button type="button" disabled={busy} onClick={submit}>
          Add to {field.name}
        </button>
      </div>
    </div>
  );
}

/** One key. It is sent when the field is left, so that a half-typed value never stands in the text. */
function One({ field, values, busy, onChange }: { field: Field } & Shared) {
  const now = shown(field, valueAt(values, field.path));
  const [raw, setRaw] = useState(now);
  const [problem, setProblem] = useState<string | null>(null);
  const commit = (text: string) => {
    if (text === now) return setProblem(null);
    const read = typed(field, text);
    setProblem(read.problem);
    if (read.problem === null) onChange({ path: field.path, value: read.value });
  };
  const hint = (
    <>
      <Prose>{field.about}</Prose>
      {field.fallback && !field.about.includes(field.fallback) ? ` (if left out: ${field.fallback})` : ""}
    </>
  );
  const common = { value: raw, disabled: busy && raw === now, onBlur: () => commit(raw) };
  const choose = (text: string) => (setRaw(text), commit(text));
  return (
    <Labelled label={field.name} hint={hint} problem={problem}>
      {field.sort === "switch" || field.sort === "choice" ? (
        <select value={raw} onChange={(e) => choose(e.target.value)}>
          <option value="">{field.required ? "Choose …" : `left out${field.fallback ? `: ${field.fallback}` : ""}`}</option>
          {(field.sort === "switch" ? [{ value: "true", about: "yes" }, { value: "false", about: "no" }] : field.choices).map((c) => (
            <option key={c.value} value={c.value}>
              {field.sort === "switch" ? c.about : c.value}
            </option>
          ))}
        </select>
      ) : field.sort === "list" ? (
        <textarea rows={Math.min(6, Math.max(2, raw.split("\n").length))} className="mono" spellCheck={false} {...common} onChange={(e) => setRaw(e.target.value)} />
      ) : (
        <input
          {...common}
          spellCheck={false}
          inputMode={field.sort === "number" ? "decimal" : "text"}
          placeholder={field.sort === "secret" ? "name of a secret" : field.fallback}
          onChange={(e) => setRaw(e.target.value)}
          onKeyDown={(e) => e.key === "Enter" && commit(raw)}
        />
      )}
    </Labelled>
  );
}
