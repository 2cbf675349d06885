import type { PlantEvent } from "../api/types";
import { severityWords } from "../format/severity";
import { Link, pointHref } from "../router";
import { GLOSSARY } from "../words/glossary";
import { Status } from "./Status";
import { Term } from "./Term";

export function Severity({ event }: { event: PlantEvent }) {
  const words = severityWords(event.severity);
  const over = event.state === "cleared" || event.end;
  return (
    <span title={`Severity ${event.severity} of 1000`}>
      <Status tone={over ? "normal" : words.level}>{words.word}</Status>
    </span>
  );
}

export function Kind({ event }: { event: PlantEvent }) {
  return event.kind in GLOSSARY ? <Term k={event.kind}>{event.kind}</Term> : <>{event.kind}</>;
}

/** Paths become links to the point; names of connections and destinations to their page. */
export function Refs({ event }: { event: PlantEvent }) {
  if (event.refs.length === 0) return null;
  return (
    <span className="refs">
      {event.refs.slice(0, 5).map((ref) => (
        <Link key={ref} to={ref.includes("/") ? pointHref(ref) : `/connections?name=${encodeURIComponent(ref)}`}>
          {ref}
        </Link>
      ))}
      {event.refs.length > 5 && <span className="quiet">and {event.refs.length - 5} more</span>}
    </span>
  );
}
