import { useRef, useState } from "react";

/** Text shown once, with a button that copies it. Without clipboard access (plain HTTP) it selects the text instead. */
export function Copy({ label, text }: { label: string; text: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [done, setDone] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone("Copied.");
    } catch {
      field.current?.select();
      setDone("Selected: press Ctrl-C to copy.");
    }
  };
  return (
    <div className="copy">
      <label>
        {label}
        <input ref={field} readOnly value={text} onFocus={(e) => e.currentTarget.select()} />
      </label>
      <button type="button" onClick={() => void copy()}>
        Copy
      </button>
      <span role="status" className="quiet">
        {done}
      </span>
    </div>
  );
}
