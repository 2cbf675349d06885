import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { config, type Edit, type FileText, type Findings, type Json, type KeyChange, type Mistake, type Saved } from "../api/config";
import { TextEditor } from "../editor/TextEditor";
import { Dialog } from "../parts/Dialog";
import { ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { navigate } from "../router";
import { useSession } from "../session";
import { Diff } from "./Diff";
import { drafts, sortOf } from "./drafts";
import { Mistakes } from "./Mistakes";
import { SchemaForm } from "./SchemaForm";

/** One file. A name that is not there yet is a new one; its text comes from a draft or a sample. */
export function FilePanel({ name, known }: { name: string; known: boolean }) {
  const draft = drafts.get(name);
  const fresh = draft?.version === null;
  const q = useQuery({
    queryKey: ["config-file", name],
    queryFn: ({ signal }) => config.file(name, { signal }),
    enabled: !fresh,
    refetchOnWindowFocus: false,
  });
  // The editor begins anew with the text that was saved; what became of the save is told beyond that.
  const [saved, setSaved] = useState<Saved | null>(null);
  const start: FileText | undefined = fresh ? { name, sort: sortOf(name), text: "", version: "", values: null, schema: null } : q.data;
  return (
    <Panel
      title={name}
      id="file"
      aside={
        <button type="button" onClick={() => navigate("/configuration")}>
          Close
        </button>
      }
    >
      {fresh || known ? (
        <Guard query={fresh ? { data: start, error: null, isPending: false, refetch: () => undefined } : q} what={name}>
          {start && <Editor key={start.version} file={start} fresh={fresh} saved={saved} onSaved={setSaved} />}
        </Guard>
      ) : (
        <Guard query={q} what={name}>
          {q.data && <Editor key={q.data.version} file={q.data} fresh={false} saved={saved} onSaved={setSaved} />}
        </Guard>
      )}
    </Panel>
  );
}

function Editor({ file, fresh, saved, onSaved }: { file: FileText; fresh: boolean; saved: Saved | null; onSaved: (s: Saved | null) => void }) {
  const client = useQueryClient();
  const kept = drafts.get(file.name);
  const [text, setText] = useState(kept?.text ?? file.text);
  const [values, setValues] = useState<Json>(file.values);
  const [schema, setSchema] = useState<Json>(file.schema);
  const [form, setForm] = useState(false);
  const [line, setLine] = useState<{ at: number; asked: number } | null>(null);
  const [removing, setRemoving] = useState(false);
  const { user } = useSession();
  const changed = fresh || text !== file.text;
  const stale = kept !== undefined && !fresh && kept.version !== file.version;
  const edit = (next: string): Edit[] => [{ name: file.name, text: next, version: fresh ? null : file.version }];
  // A field is read when it is left, perhaps by pressing a button: what was typed goes into the text before anything is done with it.
  const newest = useRef(text);
  const typing = useRef<Promise<unknown>>(Promise.resolve());
  const check = useMutation({ mutationFn: () => typing.current.then(() => config.check(edit(newest.current))) });
  const understood = (done: { values: Json; schema: Json }) => {
    setValues(done.values);
    setSchema(done.schema);
  };
  const parse = useMutation({ mutationFn: (next: string) => config.change(file.name, next, []), onSuccess: understood });
  const put = (next: string, asked = false) => {
    newest.current = next;
    setText(next);
    onSaved(null);
    // A check that waits for this very change goes on.
    if (!asked) check.reset();
    if (!fresh && next === file.text) drafts.drop(file.name);
    else drafts.set(file.name, { text: next, version: fresh ? null : file.version });
  };
  const key = useMutation({
    mutationFn: (change: KeyChange) => config.change(file.name, newest.current, [change]),
    onSuccess: (done) => {
      put(done.text, check.isPending);
      understood(done);
    },
  });
  const type = (change: KeyChange) => {
    typing.current = typing.current.then(() => key.mutateAsync(change)).catch(() => undefined);
  };
  const done = async (what: Saved) => {
    drafts.drop(file.name);
    onSaved(what);
    await Promise.all(["config-files", "config-file", "plan"].map((k) => client.invalidateQueries({ queryKey: [k] })));
  };
  const save = useMutation({ mutationFn: () => config.save(edit(newest.current)), onSuccess: done });
  const mayForm = file.sort !== "list";
  const mayChange = file.sort !== "plant" || user.role === "administrator";
  const goTo = (m: Mistake) => {
    if (m.file !== file.name || !m.line) return;
    setForm(false);
    setLine({ at: m.line, asked: Date.now() });
  };
  return (
    <div className="file">
      {!mayChange && <p className="notice">Only an administrator may change this file here; you can read it.</p>}
      {stale && <p className="notice">Somebody has changed this file since you began. Your text is below; compare before you save.</p>}
      <div className="actions">
        {mayForm && (
          <span className="tabs" role="group" aria-label="How to edit">
            <button type="button" aria-pressed={!form} onClick={() => setForm(false)}>
              Text
            </button>
            <button
              type="button"
              aria-pressed={form}
              onClick={() => {
                setForm(true);
                parse.mutate(text);
              }}
            >
              Form
            </button>
          </span>
        )}
        {changed && !fresh && (
          <button type="button" onClick={() => put(file.text)}>
            Take my changes back
          </button>
        )}
        {fresh ? (
          <button
            type="button"
            onClick={() => {
              drafts.drop(file.name);
              navigate("/configuration");
            }}
          >
            Throw this draft away
          </button>
        ) : (
          file.sort !== "plant" && (
            <button type="button" onClick={() => setRemoving(true)}>
              Remove the file
            </button>
          )
        )}
      </div>
      {form && mayForm ? (
        <>
          {parse.error && <ErrorBox error={parse.error} />}
          {key.error && <ErrorBox error={key.error} />}
          {parse.isSuccess &&
            (schema === null ? (
              <p className="notice">
                There is no form for this text: the key <code>kind</code> does not name a kind that is known. Correct it in the text.
              </p>
            ) : (
              <SchemaForm schema={schema} values={values} busy={key.isPending || !mayChange} onChange={type} />
            ))}
        </>
      ) : (
        <TextEditor label={file.name} value={text} onChange={put} plain={file.sort === "list"} readOnly={!mayChange} line={line} />
      )}
      <div className="actions">
        <button type="button" className={check.data ? "" : "primary"} disabled={!changed || check.isPending} onClick={() => check.mutate()}>
          {check.isPending ? "Checking the whole plant …" : "Check and compare"}
        </button>
        {check.data && check.data.mistakes.length === 0 && (
          <button type="button" className="primary" disabled={save.isPending || !mayChange} onClick={() => save.mutate()}>
            Save into the plant folder
          </button>
        )}
        <span role="status" className="quiet">
          {saved ? savedText(saved) : changed ? "Not saved." : "Nothing has changed."}
        </span>
      </div>
      {check.error && <ErrorBox error={check.error} />}
      {save.error && <ErrorBox error={save.error} />}
      {check.data && <Found findings={check.data} onGo={goTo} />}
      {removing && <RemoveDialog file={file} onClose={() => setRemoving(false)} />}
    </div>
  );
}

function savedText(saved: Saved): string {
  const git = saved.commit ? ` Commit ${saved.commit}.` : saved.remark ? ` Git did not take it: ${saved.remark}.` : "";
  return `Saved.${git} It takes effect when it is applied, below.`;
}

function Found({ findings, onGo }: { findings: Findings; onGo: (m: Mistake) => void }) {
  return (
    <div data-testid="findings">
      <Mistakes mistakes={findings.mistakes} onGo={onGo} />
      {findings.mistakes.length === 0 && <p>The whole plant was checked with this change: no mistake.</p>}
      {findings.changes.map((c) => (
        <div key={c.name}>
          <h3>
            {c.name}: {c.added ?? 0} lines added, {c.removed ?? 0} removed
          </h3>
          <Diff text={c.diff} label={`What changes in ${c.name}`} />
        </div>
      ))}
    </div>
  );
}

/** A file is removed only if the plant has no mistake without it. */
function RemoveDialog({ file, onClose }: { file: FileText; onClose: () => void }) {
  const client = useQueryClient();
  const edits: Edit[] = [{ name: file.name, text: null, version: file.version }];
  const check = useQuery({ queryKey: ["config-remove", file.name, file.version], queryFn: () => config.check(edits), gcTime: 0 });
  const remove = useMutation({
    mutationFn: () => config.save(edits),
    // The list and the plan are asked for anew; the file itself is gone.
    onSuccess: () => {
      drafts.drop(file.name);
      navigate("/configuration");
      return Promise.all(["config-files", "plan"].map((k) => client.invalidateQueries({ queryKey: [k] })));
    },
  });
  return (
    <Dialog title={`Remove ${file.name}?`} onClose={onClose} busy={remove.isPending}>
      <Guard query={check} what="what that would do">
        <Mistakes mistakes={check.data?.mistakes ?? []} />
        <p>When it is applied, its points leave the tree. Their history stays.</p>
      </Guard>
      {remove.error && <ErrorBox error={remove.error} />}
      <div className="actions">
        <button type="button" className="primary" disabled={remove.isPending || !check.data || check.data.mistakes.length > 0} onClick={() => remove.mutate()}>
          Remove the file
        </button>
        <button type="button" disabled={remove.isPending} onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
