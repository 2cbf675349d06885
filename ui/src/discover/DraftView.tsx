import { useMutation } from "@tanstack/react-query";
import { discovery, type Draft } from "../api/discover";
import { plural } from "../format/number";
import { drafts } from "../config/drafts";
import { CopyButton } from "../parts/Copy";
import { Code, ErrorBox } from "../parts/Messages";
import { Prose } from "../parts/Prose";
import { navigate } from "../router";
import { saveText } from "../save";
import { COMMANDS } from "../words/commands";

/** All files of a draft wait on the page Configuration; this one is opened there. */
function review(file: string, text: string) {
  drafts.set(file, { text, version: null });
  navigate(`/configuration?file=${encodeURIComponent(file)}`);
}

/** The text of a draft, what to look at in it, and the way into the plant folder. */
export function DraftView({ draft: given }: { draft: Draft }) {
  const browse = useMutation({ mutationFn: () => discovery.browse({ file: given.file, text: given.text }) });
  const draft = browse.data ?? given;
  const tells = /^kind = "(opc-ua|ethernet-ip)"/m.test(given.text) && !browse.data;
  return (
    <div className="stack" data-testid="draft">
      <p>
        <b className="mono">{draft.file}</b>
        {draft.tags ? `, ${plural(draft.tags, "point")}` : ""}. It is only a draft: nothing of the plant has changed.
      </p>
      {draft.notes.length > 0 && (
        <ul className="bullets">
          {draft.notes.map((n, i) => (
            <li key={i}>
              {n.line ? `Line ${n.line}: ` : ""}
              <Prose>{n.text}</Prose>
            </li>
          ))}
        </ul>
      )}
      {draft.mistakes && (
        <div className="error-box calm">
          <p className="error-title">The check still finds something:</p>
          <Code>{draft.mistakes}</Code>
        </div>
      )}
      <Code>{draft.text}</Code>
      {tells && (
        <div>
          <button type="button" disabled={browse.isPending} onClick={() => browse.mutate()}>
            {browse.isPending ? "Asking the device …" : "Ask the device for its tags"}
          </button>
          <p className="hint">Signs in as the draft says and looks at everything the device tells; nothing is changed there.</p>
        </div>
      )}
      {browse.error && <ErrorBox error={browse.error} />}
      {draft.others.length > 0 && (
        <>
          <p>{plural(draft.others.length, "more file")} of the same model:</p>
          <ul className="bullets" data-testid="other-drafts">
            {draft.others.map((o) => (
              <li key={o.file}>
                <details>
                  <summary className="mono">{o.file}</summary>
                  <Code>{o.text}</Code>
                  <button type="button" onClick={() => review(o.file, o.text)}>
                    Review {o.file} as a new file
                  </button>
                </details>
              </li>
            ))}
          </ul>
        </>
      )}
      <div className="actions">
        <button
          type="button"
          className="primary"
          onClick={() => review(draft.file, draft.text)}
        >
          Review it as a new file
        </button>
        <CopyButton text={draft.text} />
        <button type="button" onClick={() => saveText(draft.file.split("/").pop() ?? "draft.toml", draft.text)}>
          Save as a file
        </button>
      </div>
      <p className="hint">
        Next step: review, save and apply it on the page Configuration; or put it into the plant folder yourself, then <code>{COMMANDS.check}</code> and <code>{COMMANDS.apply}</code>.
      </p>
    </div>
  );
}
