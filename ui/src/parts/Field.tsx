import { useId, type ReactElement, type ReactNode } from "react";
import { cloneElement } from "react";

/** A label, its input, and a hint or a problem that is read out with it. */
export function Field(props: { label: ReactNode; hint?: ReactNode; problem?: string | null; children: ReactElement<Record<string, unknown>> }) {
  const id = useId();
  const described = [props.hint ? `${id}-h` : "", props.problem ? `${id}-p` : ""].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {cloneElement(props.children, {
        id,
        ...(described ? { "aria-describedby": described } : {}),
        ...(props.problem ? { "aria-invalid": true } : {}),
      })}
      {props.hint && (
        <p id={`${id}-h`} className="hint">
          {props.hint}
        </p>
      )}
      {props.problem && (
        <p id={`${id}-p`} className="problem">
          {props.problem}
        </p>
      )}
    </div>
  );
}
