/** The editor of configuration files; inside of a shadow root for the reason told in `query/SqlEditor.tsx`. */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { EditorSelection, EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { look, typeOver, words } from "./look";
import { toml } from "./toml";

export function TextEditor(props: { label: string; value: string; onChange: (text: string) => void; plain?: boolean; readOnly?: boolean; line?: { at: number; asked: number } | null }) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const { plain = false, readOnly = false } = props;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const editor = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          lineNumbers(),
          highlightActiveLine(),
          history(),
          bracketMatching(),
          syntaxHighlighting(words),
          look,
          EditorView.theme({ ".cm-activeLine": { backgroundColor: "var(--hatch)" } }),
          typeOver,
          EditorView.lineWrapping,
          ...(plain ? [] : [toml]),
          EditorState.readOnly.of(readOnly),
          EditorView.contentAttributes.of({ "aria-label": `${latest.current.label}. Escape, then Tab leave the editor.`, spellcheck: "false", tabindex: "0" }),
          // Tab is left to the page: a keyboard must get out of the editor.
          keymap.of([...historyKeymap, ...defaultKeymap]),
          EditorView.updateListener.of((u) => u.docChanged && latest.current.onChange(u.state.doc.toString())),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, [plain, readOnly]);

  // A text from outside (the form, another file) replaces what stands there; what came from the editor itself does not.
  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === props.value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: props.value } });
  }, [props.value]);

  const { line } = props;
  useEffect(() => {
    const editor = view.current;
    if (!editor || !line) return;
    const at = editor.state.doc.line(Math.min(Math.max(1, line.at), editor.state.doc.lines));
    editor.dispatch({ selection: EditorSelection.cursor(at.from), effects: EditorView.scrollIntoView(at.from, { y: "center" }) });
    editor.focus();
  }, [line]);

  return <div ref={host} className="text-editor" data-testid="text-editor" />;
}
