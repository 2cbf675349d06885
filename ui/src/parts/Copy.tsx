import { useRef, useState, type RefObject } from "react";

/** A button that copies text. Without clipboard access (plain HTTP) it selects the field instead, if there is one. */
export function CopyButton({ text, field }: { text: string; field?: RefObject<HTMLInputElement | null> }) {
  const [done, setDone] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone("Copied.");
    } catch {
      field?.current?.select();
      setDone(field ? "Selected: press Ctrl-C to copy." : "This browser does not allow it here: select the text and press Ctrl-C.");
    }
  };
  return (
    <>
      <button type="button" onClick={() => void copy()}>
        Copy
      </button>
      <span role="status" className="quiet">
        {done}
      </span>
    </>
  );
}

/** Text shown once, with a button that copies it. */
export function Copy({ label, text }: { label: string; text: string }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <div className="copy">
      <label>
        {label}
        <input ref={field} readOnly value={text} onFocus={(e) => e.currentTarget.select()} />
      </label>
      <CopyButton text={text} field={field} />
    </div>
  );
}
