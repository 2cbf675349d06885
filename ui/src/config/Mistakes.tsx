import type { Mistake } from "../api/config";
import { plural } from "../format/number";
import { Prose } from "../parts/Prose";

/** Every mistake at its place, with what to write instead. */
export function Mistakes({ mistakes, onGo }: { mistakes: Mistake[]; onGo?: (m: Mistake) => void }) {
  if (mistakes.length === 0) return null;
  return (
    <div className="error-box" role="alert" data-testid="mistakes">
      <p className="error-title">{plural(mistakes.length, "mistake")}: nothing can be saved or applied like this.</p>
      <ul className="bullets">
        {mistakes.map((m, i) => (
          <li key={i}>
            {onGo && m.line ? (
              <button type="button" className="linklike mono" onClick={() => onGo(m)}>
                {m.file}, line {m.line}
              </button>
            ) : (
              <span className="mono">
                {m.file}
                {m.line ? `, line ${m.line}` : ""}
              </span>
            )}
            : <Prose>{m.message}</Prose>
            {m.help && (
              <div>
                <b>Next step:</b> <Prose>{m.help}</Prose>
              </div>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
