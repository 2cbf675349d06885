/** Buttons that set the window of a picture with a time axis; its keys do the same. */
import { useState, type KeyboardEvent } from "react";
import { fromLocalInput, toLocalInput, zoneName } from "../format/time";
import { serverNow } from "../live/clock";
import { applyKey, keyOf, PRESETS, viewOf, type View, type Window } from "./zoom";

export type OnView = (change: (view: View) => View) => void;

/** What a key on the picture does. */
export function zoomKey(e: KeyboardEvent, onView: OnView): void {
  const meaning = keyOf(e.key);
  if (!meaning || e.ctrlKey || e.metaKey || e.altKey) return;
  e.preventDefault();
  onView((v) => applyKey(v, meaning, serverNow()));
}

export function ZoomBar({ what, presets, view, window, onView }: { what: string; presets: typeof PRESETS; view: View; window: Window; onView: OnView }) {
  const following = view.end === null;
  const press = (k: Parameters<typeof applyKey>[1]) => onView((v) => applyKey(v, k, serverNow()));
  return (
    <>
      <div className="trend-bar" role="group" aria-label={`Width of ${what}`}>
        {presets.map((p) => (
          <button key={p.name} type="button" title={p.label} aria-pressed={following && view.span === p.span} onClick={() => onView(() => ({ span: p.span, end: null }))}>
            {p.name}
          </button>
        ))}
      </div>
      <div className="trend-bar" role="group" aria-label="Move and zoom">
        <button type="button" onClick={() => press("earlier")}>
          Earlier
        </button>
        <button type="button" onClick={() => press("later")} disabled={following}>
          Later
        </button>
        <button type="button" onClick={() => press("in")}>
          Zoom in
        </button>
        <button type="button" onClick={() => press("out")}>
          Zoom out
        </button>
        <button type="button" aria-pressed={following} onClick={() => press("live")}>
          Live
        </button>
        <ExactTimes window={window} onRange={(from, to) => onView(() => viewOf(from, to, serverNow()))} />
      </div>
    </>
  );
}

function ExactTimes({ window, onRange }: { window: Window; onRange: (from: number, to: number) => void }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  return (
    <details
      className="exact"
      onToggle={(e) => {
        if (!e.currentTarget.open) return;
        setFrom(toLocalInput(window.from));
        setTo(toLocalInput(window.to));
      }}
    >
      <summary>Exact times</summary>
      <form
        className="form-row"
        onSubmit={(e) => {
          e.preventDefault();
          const a = fromLocalInput(from);
          const b = fromLocalInput(to);
          if (a !== null && b !== null) onRange(a, b);
        }}
      >
        <label>
          From <input type="datetime-local" step={1} required value={from} onChange={(e) => setFrom(e.target.value)} />
        </label>
        <label>
          To <input type="datetime-local" step={1} required value={to} onChange={(e) => setTo(e.target.value)} />
        </label>
        <span className="quiet">{zoneName(window.to)}</span>
        <button type="submit">Show</button>
      </form>
    </details>
  );
}
