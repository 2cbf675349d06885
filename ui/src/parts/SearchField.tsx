import { useEffect, useState } from "react";
import { setSearch, useSearch } from "../router";

/** A field for words to search for. What is asked stands in the address, a moment after the last key. */
export function SearchField({ placeholder }: { placeholder: string }) {
  const asked = useSearch().get("search") ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => {
    if (text.trim() === asked) return;
    const timer = setTimeout(() => setSearch({ search: text.trim() || null }), 250);
    return () => clearTimeout(timer);
  }, [text, asked]);
  // Somebody took the filter away.
  useEffect(() => {
    if (asked === "") setText("");
  }, [asked]);
  return (
    <label>
      <span>
        Search <span className="quiet">(key /)</span>
      </span>
      <input type="search" value={text} placeholder={placeholder} onChange={(e) => setText(e.target.value)} />
    </label>
  );
}
