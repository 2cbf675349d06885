import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "../api/client";
import type { QueryResult, QueryTables } from "../api/types";
import { formatCount, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { CopyButton } from "../parts/Copy";
import { Empty, ErrorBox } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Term } from "../parts/Term";
import { chartOf } from "../query/chart";
import { QueryChart } from "../query/QueryChart";
import { ResultTable } from "../query/ResultTable";
import { ROW_LIMIT, useExport, useRun } from "../query/run";
import { SqlEditor } from "../query/SqlEditor";

const FIRST = "SELECT path, value, quality, time\nFROM latest\nORDER BY path\nLIMIT 100";
/** The text outlives a visit to another page. */
let kept: string | null = null;

export function Query() {
  const tables = useQuery({ queryKey: ["query-tables"], queryFn: ({ signal }) => api.queryTables({ signal }), staleTime: 300_000 });
  const [sql, setSql] = useState(kept ?? FIRST);
  const { run, cancel } = useRun();
  const save = useExport();
  const change = (text: string) => {
    kept = text;
    setSql(text);
  };
  const go = () => {
    if (!run.isPending && (kept ?? sql).trim() !== "") run.mutate(kept ?? sql);
  };
  return (
    <Page
      title="Query"
      lead={
        <p>
          Ask history and live values in <Term k="sql">SQL</Term>. Queries only read.
        </p>
      }
    >
      <div className="query">
        <div className="query-main">
          <SqlEditor value={sql} onChange={change} onRun={go} tables={tables.data} />
          <div className="actions">
            <button type="button" className="primary" onClick={go} disabled={run.isPending}>
              Run <span className="key">(Ctrl-Enter)</span>
            </button>
            <button type="button" onClick={cancel} disabled={!run.isPending}>
              Cancel
            </button>
            <button type="button" disabled={save.isPending} onClick={() => save.mutate({ sql, format: "csv" })}>
              Save all rows as CSV
            </button>
            <button type="button" disabled={save.isPending} onClick={() => save.mutate({ sql, format: "parquet" })}>
              Save all rows as Parquet
            </button>
            <span className="quiet" role="status">
              {run.isPending ? "Running …" : run.data === null ? "Cancelled." : save.isPending ? "Exporting …" : ""}
            </span>
          </div>
          {run.error !== null && <ErrorBox error={run.error} />}
          {save.error !== null && <ErrorBox error={save.error} />}
          {run.data && <Result result={run.data} />}
        </div>
        <Help tables={tables.data} error={tables.error} onExample={change} />
      </div>
    </Page>
  );
}

function Result({ result }: { result: QueryResult }) {
  const chart = useMemo(() => chartOf(result), [result]);
  return (
    <Panel
      title="Result"
      id="result"
      aside={
        <span className="quiet" data-testid="query-summary">
          {plural(result.rows.length, "row")} in {formatDuration(result.elapsed_ms / 1000)}
          {result.rows_scanned !== null && `, ${formatCount(result.rows_scanned)} read`}
        </span>
      }
    >
      {result.truncated && <p className="notice">Only the first {formatCount(ROW_LIMIT)} rows are shown. Save as CSV or Parquet for all of them.</p>}
      {result.rows.length === 0 ? (
        <Empty title="No row matches.">
          <p>Widen the time, or check the spelling of the path on the page Namespace: paths begin with the enterprise and the site.</p>
        </Empty>
      ) : (
        <>
          {chart && <QueryChart chart={chart} />}
          <ResultTable result={result} />
        </>
      )}
    </Panel>
  );
}

const OFFER = '[serve.postgres]\nlisten = "127.0.0.1:5432"';

const OFFER_FLIGHT = '[serve.flight]\nlisten = "127.0.0.1:32010"';

/** How pandas, Polars, DuckDB and Spark reach the same tables, in columns. */
function Columns({ address }: { address: string | null }) {
  return address === null ? (
    <>
      <p className="quiet">pandas, Polars, DuckDB and Spark take much at once by Arrow Flight SQL. To offer that too:</p>
      <pre className="mono">{OFFER_FLIGHT}</pre>
      <CopyButton text={OFFER_FLIGHT} />
    </>
  ) : (
    <>
      <p>pandas, Polars, DuckDB and Spark take much at once here, by Arrow Flight SQL:</p>
      <p>
        <span className="mono" data-testid="flight-address">{address}</span> <CopyButton text={address} />
      </p>
    </>
  );
}

/** How psql, Grafana, pandas and Excel reach the same tables. */
function Connect({ address, flight }: { address: string | null; flight: string | null }) {
  const [, host, port] = /^postgresql:\/\/(.*):(\d+)\//.exec(address ?? "") ?? [];
  return (
    <Panel title="From other tools" id="connect">
      {address === null ? (
        <Empty title="SQL is not offered to other tools.">
          <p>Write this in ironbridge.toml and start Ironbridge again:</p>
          <pre className="mono">{OFFER}</pre>
          <CopyButton text={OFFER} />
        </Empty>
      ) : (
        <>
          <p>psql, Grafana, pandas, Excel (ODBC) and JDBC tools read the same tables here, as a PostgreSQL database:</p>
          <p>
            <span className="mono" data-testid="sql-address">{address}</span> <CopyButton text={address} />
          </p>
          <p className="quiet">
            Host {host}, port {port}, database ironbridge. User and password: yours, or the name and the text of an API token (page Users).
          </p>
        </>
      )}
      <Columns address={flight} />
    </Panel>
  );
}

function Help({ tables, error, onExample }: { tables: QueryTables | undefined; error: unknown; onExample: (sql: string) => void }) {
  return (
    <aside className="query-help" aria-label="Examples and tables">
      {error !== null && tables === undefined && <ErrorBox error={error} />}
      {tables && <Connect address={tables.address ?? null} flight={tables.flight ?? null} />}
      <Panel title="Examples" id="examples">
        {(tables?.examples ?? []).length === 0 ? (
          <p className="quiet">No example yet.</p>
        ) : (
          <ul className="examples">
            {tables?.examples.map((e) => (
              <li key={e.title}>
                <button type="button" onClick={() => onExample(e.sql)}>
                  {e.title}
                </button>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <Panel title="Tables" id="tables">
        {tables?.tables.map((t) => (
          <details key={t.name}>
            <summary>
              <span className="mono">{t.name}</span> <span className="quiet"><Prose>{t.text}</Prose></span>
            </summary>
            <dl className="columns">
              {t.columns.map((c) => (
                <div key={c.name}>
                  <dt className="mono">
                    {c.name} <span className="quiet">{c.type}</span>
                  </dt>
                  {c.text && <dd className="quiet"><Prose>{c.text}</Prose></dd>}
                </div>
              ))}
            </dl>
          </details>
        ))}
        {(tables?.functions ?? []).length > 0 && (
          <details>
            <summary>Functions for time</summary>
            <dl className="columns">
              {tables?.functions.map((f) => (
                <div key={f.name}>
                  <dt className="mono">{f.name}</dt>
                  {f.text && <dd className="quiet"><Prose>{f.text}</Prose></dd>}
                </div>
              ))}
            </dl>
          </details>
        )}
      </Panel>
    </aside>
  );
}
