import { useEffect, type ReactNode } from "react";
import type { Tone } from "./Status";

/** The frame of a page: title in the tab, one heading, an optional line beside it. */
export function Page({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Ironbridge`;
  }, [title]);
  return (
    <>
      <header className="page-head">
        <h1>{title}</h1>
        {lead && <div className="page-lead">{lead}</div>}
      </header>
      {children}
    </>
  );
}

export function Panel({ title, id, children, aside }: { title: ReactNode; id?: string; children: ReactNode; aside?: ReactNode }) {
  return (
    <section className="panel" id={id} aria-labelledby={id ? `${id}-h` : undefined}>
      <header className="panel-head">
        <h2 id={id ? `${id}-h` : undefined}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** Pairs of a name and a value. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="facts">{children}</dl>;
}
export function Fact({ name, children, tone }: { name: ReactNode; children: ReactNode; tone?: Tone }) {
  return (
    <div className={tone && tone !== "normal" ? `fact tone-${tone}` : "fact"}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
