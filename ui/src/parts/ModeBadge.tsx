import type { Mode } from "../api/types";

const MEANING: Record<string, string> = {
  "READ-ONLY": "Nothing can be written to the plant.",
  LIVE: "Allowed people can write to real machines.",
  SIMULATED: "Simulated devices: no real machine can be reached.",
};

/** On every page: what a click here can do to the world. */
export function ModeBadge({ mode }: { mode: Mode }) {
  const label = mode?.label ?? "READ-ONLY";
  const state = mode?.writes === "on" ? "on" : "off";
  const writes = label === "SIMULATED" ? ` Writes are ${state}.` : "";
  return (
    <span role="status" className={`mode mode-${label.toLowerCase()}`} data-testid="mode-badge" title={(MEANING[label] ?? "") + writes}>
      {label}
      {writes && <span className="mode-writes"> writes {state}</span>}
      <span className="visually-hidden">: {(MEANING[label] ?? "") + writes}</span>
    </span>
  );
}
