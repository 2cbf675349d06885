/**
 * CodeMirror inside of a shadow root. There it uses constructed style sheets; in the document it would add <style> elements,
 * which the content security policy refuses.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { QueryTables } from "../api/types";
import { look, typeOver, words } from "../editor/look";

function language(tables: QueryTables | undefined) {
  const schema: Record<string, { label: string; detail?: string; type: string }[]> = {};
  for (const t of tables?.tables ?? []) schema[t.name] = t.columns.map((c) => ({ label: c.name, detail: c.type ?? "", type: "property" }));
  const base = sql({ dialect: PostgreSQL, schema });
  const functions = (tables?.functions ?? []).map((f) => ({ label: f.name, detail: f.text ?? "", type: "function" }));
  const complete = (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/\w+/);
    return word && functions.length > 0 ? { from: word.from, options: functions, validFor: /^\w*$/ } : null;
  };
  return [base, base.language.data.of({ autocomplete: complete })];
}

export function SqlEditor(props: { value: string; onChange: (text: string) => void; onRun: () => void; tables: QueryTables | undefined }) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const lang = useRef(new Compartment());

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const run = () => (latest.current.onRun(), true);
    const editor = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
          lineNumbers(),
          history(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false }),
          syntaxHighlighting(words),
          look,
          typeOver,
          placeholder("SELECT …"),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "SQL. Control and Enter run it; Escape, then Tab leave the editor.", spellcheck: "false", tabindex: "0" }),
          lang.current.of(language(latest.current.tables)),
          // Tab is left to the page: a keyboard must get out of the editor.
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          EditorView.updateListener.of((u) => u.docChanged && latest.current.onChange(u.state.doc.toString())),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: lang.current.reconfigure(language(props.tables)) });
  }, [props.tables]);

  // A text from outside (an example) replaces what stands there; what came from the editor itself does not.
  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === props.value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: props.value } });
  }, [props.value]);

  return <div ref={host} className="sql-editor" data-testid="sql-editor" />;
}
