import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import type { DestinationSchema } from "../api/types";
import { formatCount } from "../format/number";
import { CopyButton } from "../parts/Copy";
import { Guard } from "../parts/Messages";
import { Fact, Facts, Panel } from "../parts/Page";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";

/** The contract of a destination: what every message of it looks like, now and before. */
export function SchemaPanel({ name }: { name: string }) {
  const [version, setVersion] = useState<number | null>(null);
  const q = useQuery({
    queryKey: ["destination-schema", name, version],
    queryFn: ({ signal }) => api.destinationSchema(name, version, { signal }),
    refetchInterval: 30_000,
  });
  return (
    <Panel title={<Term k="sentSchema">{`What ${name} sends`}</Term>} id="schema">
      <Guard query={q} what="the schema">{q.data && <Told s={q.data} choose={setVersion} />}</Guard>
    </Panel>
  );
}

function Told({ s, choose }: { s: DestinationSchema; choose: (version: number | null) => void }) {
  const newest = s.versions.at(-1)?.version;
  return (
    <>
      <Facts>
        <Fact name="Format">{s.format}</Fact>
        <Fact name="Version">
          <label>
            <span className="visually-hidden">Version of the schema</span>
            <select value={s.version} onChange={(e) => choose(Number(e.target.value) === newest ? null : Number(e.target.value))}>
              {[...s.versions].reverse().map((v) => (
                <option key={v.version} value={v.version}>
                  {v.version === newest ? `${v.version}, now` : String(v.version)}
                </option>
              ))}
            </select>
          </label>{" "}
          since <Time ms={s.since} />
          {s.until ? (
            <>
              {" "}
              until <Time ms={s.until} />
            </>
          ) : null}
          {s.forgotten ? <span className="quiet"> ({formatCount(s.forgotten)} older ones are no longer kept)</span> : null}
        </Fact>
      </Facts>
      {s.messages.map((m) => (
        <details key={`${m.of} ${m.place} ${m.key}`} open={s.messages.length === 1}>
          <summary>
            {m.of}: <span className="mono">{m.place}</span>
          </summary>
          <p>
            {m.key && (
              <>
                Key: <span className="mono">{m.key}</span>.{" "}
              </>
            )}
            {m.media}. {m.note}
          </p>
          <p>
            Schema ({m.language}): <CopyButton text={m.schema} />
          </p>
          <pre className="code" tabIndex={0} role="group" aria-label={`Schema of ${m.of}`}>
            {m.schema}
          </pre>
        </details>
      ))}
    </>
  );
}
