/** A button for something a role may not allow: then it is disabled and the reason stands beside it. */
import { useId, type ReactNode } from "react";

export function GatedButton(props: { why: string | null; onClick: () => void; children: ReactNode; className?: string; quietReason?: boolean }) {
  const id = useId();
  if (props.why === null) {
    return (
      <button type="button" className={props.className} onClick={props.onClick}>
        {props.children}
      </button>
    );
  }
  return (
    <span className="gated">
      <button type="button" className={props.className} aria-disabled="true" aria-describedby={id} title={props.why}>
        {props.children}
      </button>
      <span id={id} className={props.quietReason ? "visually-hidden" : "why-not"}>
        {props.why}
      </span>
    </span>
  );
}
