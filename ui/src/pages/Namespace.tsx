/** Everything the plant says, as one tree with live values; searching and filtering give a flat list. */
import { useEffect, useRef, useState } from "react";
import { PointList } from "../tree/PointList";
import { TreeView } from "../tree/TreeView";
import { Page } from "../parts/Page";
import { Term } from "../parts/Term";
import { setSearch, useSearch } from "../router";

export function Namespace({ prefix }: { prefix: string }) {
  const search = useSearch();
  const quality = search.get("quality") === "bad" ? "bad" : "";
  const within = search.get("prefix") ?? "";
  const asked = search.get("search") ?? "";
  const [text, setText] = useState(asked);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (search.get("focus") !== "search") return;
    field.current?.focus();
    setSearch({ focus: null });
  });
  // Typing settles for a moment before the gateway is asked.
  useEffect(() => {
    if (text === asked) return;
    const timer = setTimeout(() => setSearch({ search: text.trim() || null }), 200);
    return () => clearTimeout(timer);
  }, [text, asked]);

  const flat = asked !== "" || quality !== "" || within !== "";
  return (
    <Page
      title="Namespace"
      lead={
        <p>
          Every <Term k="point">point</Term> of the <Term k="namespace">plant</Term>, with its live value and <Term k="quality">quality</Term>.
        </p>
      }
    >
      <div className="form-row filters" role="search" aria-label="Points">
        <label>
          <span>
            Search <span className="quiet">(key /)</span>
          </span>
          <input
            ref={field}
            type="search"
            value={text}
            placeholder="part of a path, e.g. filler/speed"
            onChange={(e) => setText(e.target.value)}
            onKeyDown={(e) => e.key === "Escape" && setText("")}
          />
        </label>
        <label className="check">
          <input type="checkbox" checked={quality === "bad"} onChange={(e) => setSearch({ quality: e.target.checked ? "bad" : null })} />
          Only what is not Good
        </label>
        {within && (
          <button type="button" onClick={() => setSearch({ prefix: null })}>
            Only below {within}: show all
          </button>
        )}
      </div>
      {flat ? <PointList search={asked} prefix={within} quality={quality} /> : <TreeView initial={prefix} />}
    </Page>
  );
}
