import type { PlantEvent } from "../api/types";
import { severityWords } from "../format/severity";
import { findingHref, Link, pointHref, seenAssetHref } from "../router";
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

/** What a name leads to: a path to the point, an address that the monitor names to the asset, else a connection or destination. */
function hrefOf(event: PlantEvent, ref: string): string {
  if (ref.includes("/")) return pointHref(ref);
  return isObserved(event) || ADDRESS.test(ref) ? seenAssetHref(ref) : `/connections?name=${encodeURIComponent(ref)}`;
}
/** IPv4, IPv6 or hardware: what the monitor, firewalls and Suricata name. */
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*)$/i;
/** Findings of the monitor carry the id of its detection. */
const isObserved = (event: PlantEvent) => event.kind === "finding" && event.id.startsWith("IB-");

export function Refs({ event }: { event: PlantEvent }) {
  // Ids of detections, techniques and windows stand on the finding's page.
  const refs = [...new Set(isObserved(event) ? event.refs.filter((ref) => ref !== "" && !/^(IB-|W-|T\d{4})/.test(ref)) : event.refs)];
  if (refs.length === 0 && !isObserved(event)) return null;
  return (
    <span className="refs">
      {isObserved(event) && <Link to={findingHref(event.id)}>Finding {event.id}</Link>}
      {refs.slice(0, 5).map((ref) => (
        <Link key={ref} to={hrefOf(event, ref)}>
          {ref}
        </Link>
      ))}
      {refs.length > 5 && <span className="quiet">and {refs.length - 5} more</span>}
    </span>
  );
}
