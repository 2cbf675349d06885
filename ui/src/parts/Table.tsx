/** A plain table that turns into labelled blocks on a narrow screen. For lists that need no virtual rows. */
import type { Key, ReactNode } from "react";

export interface Column<R> {
  head: ReactNode;
  /** The head as text, for narrow screens. */
  label: string;
  cell: (row: R) => ReactNode;
  /** Numbers align right. */
  numeric?: boolean;
  /** Long text takes what is left. */
  wide?: boolean;
}

export function Table<R>(props: { caption: string; columns: Column<R>[]; rows: R[]; rowKey: (row: R) => Key; rowClass?: (row: R) => string }) {
  return (
    <div className="table-wrap" role="group" aria-label={props.caption} tabIndex={0}>
      <table role="table">
        <caption className="visually-hidden">{props.caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {props.columns.map((c) => (
              <th key={c.label} role="columnheader" scope="col" className={c.numeric ? "numeric" : undefined}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)} role="row" className={props.rowClass?.(row)}>
              {props.columns.map((c) => (
                <td key={c.label} role="cell" data-label={c.label} className={(c.numeric ? "numeric " : "") + (c.wide ? "wide" : "")}>
                  <div>{c.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
