/** Errors in three parts, empty lists that say what to do, and quiet waiting. */
import type { ReactNode } from "react";
import { asApiError } from "../api/http";
import { Prose } from "./Prose";

export function ErrorBox({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const e = asApiError(error);
  return (
    <ThreeParts title={e.title} meaning={e.meaning} next={e.next} alert>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </ThreeParts>
  );
}

export function ThreeParts(props: { title: string; meaning?: string | null | undefined; next?: string | null | undefined; alert?: boolean; calm?: boolean; children?: ReactNode }) {
  return (
    <div className={props.calm ? "error-box calm" : "error-box"} role={props.alert ? "alert" : undefined}>
      <p className="error-title">
        <Prose>{props.title}</Prose>
      </p>
      {props.meaning && (
        <p>
          <b>For the plant:</b> <Prose>{props.meaning}</Prose>
        </p>
      )}
      {props.next && (
        <p>
          <b>Next step:</b> <Prose>{props.next}</Prose>
        </p>
      )}
      {props.children}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return <p className="loading">Reading {what} …</p>;
}

export function Code({ children }: { children: string }) {
  return (
    <pre className="code" tabIndex={0} role="group" aria-label="Text to copy">
      <code>{children}</code>
    </pre>
  );
}

/** The three states every query has before it has data. Data that is there stays on screen when a renewal fails. */
export function Guard(props: { query: { data: unknown; error: unknown; isPending: boolean; refetch: () => unknown }; what: string; children: ReactNode }) {
  const { query } = props;
  if (query.data === undefined) {
    return query.error ? <ErrorBox error={query.error} onRetry={() => void query.refetch()} /> : <Loading what={props.what} />;
  }
  return (
    <>
      {query.error ? <ErrorBox error={query.error} onRetry={() => void query.refetch()} /> : null}
      {props.children}
    </>
  );
}
