/** What the monitor found, worst first; with `?id=` one finding with its evidence. */
import { useQuery } from "@tanstack/react-query";
import { monitor, type FindingState } from "../api/monitor";
import { SEVERITY_BANDS } from "../format/severity";
import { plural } from "../format/number";
import { FindingPage } from "../network/FindingPage";
import { FindingTable } from "../network/FindingTable";
import { WithMonitor } from "../network/Parts";
import { COUNTS_MS, useRenewal } from "../network/useMonitor";
import { FINDING_STATES } from "../network/words";
import { Empty, Guard } from "../parts/Messages";
import { Page } from "../parts/Page";
import { Term } from "../parts/Term";
import { Link, setSearch, useSearch } from "../router";

export function Findings() {
  const id = useSearch().get("id");
  return id === null ? <FindingList /> : <FindingPage key={id} id={id} />;
}

function FindingList() {
  useRenewal("findings");
  const search = useSearch();
  const state = (search.get("state") ?? "open") as FindingState | "all";
  const min = search.get("min") ?? "";
  const q = useQuery({
    queryKey: ["monitor-lists", "findings", state, min],
    queryFn: ({ signal }) => monitor.findings({ state: state === "all" ? "" : state, min }, { signal }),
    refetchInterval: COUNTS_MS,
    placeholderData: (old) => old,
  });
  const findings = q.data?.findings ?? [];
  const filtered = state !== "open" || min !== "";
  return (
    <Page
      title="Findings"
      lead={
        <p>
          <Term k="finding">Findings</Term>: what the monitor saw that should not be there, each once with a count.
        </p>
      }
    >
      <WithMonitor empty={findings.length === 0 && !filtered}>
        {(m) => (
          <>
            <div className="form-row filters">
              <label>
                State
                <select value={state} onChange={(e) => setSearch({ state: e.target.value === "open" ? null : e.target.value })}>
                  {FINDING_STATES.map((s) => (
                    <option key={s.state} value={s.state}>
                      {s.text}
                    </option>
                  ))}
                  <option value="all">All but closed</option>
                </select>
              </label>
              <label>
                Severity
                <select value={min} onChange={(e) => setSearch({ min: e.target.value })}>
                  <option value="">All severities</option>
                  {SEVERITY_BANDS.map((b) => (
                    <option key={b.min} value={b.min}>
                      {b.word}
                    </option>
                  ))}
                </select>
              </label>
            </div>
            <Guard query={q} what="the findings">
              {findings.length > 0 ? (
                <>
                  <p className="count">
                    {plural(findings.length, "finding")}
                    {q.data?.more ? ", and more than one answer holds: the worst are here" : ""}
                  </p>
                  <FindingTable findings={findings} />
                </>
              ) : filtered ? (
                <Empty title="No finding matches.">
                  <p>Take away a filter to see more.</p>
                  <button type="button" onClick={() => setSearch({ state: null, min: null })}>
                    Show what is open
                  </button>
                </Empty>
              ) : (
                // Never said alone: what it is worth depends on what was seen.
                <Empty title="No finding is open in what was seen.">
                  <p>{m.on ? m.sentence : "The monitor is off at the moment: nothing new can be found."}</p>
                  <ul className="bullets">
                    {(q.data?.coverage ?? []).map((line) => (
                      <li key={line}>{line}</li>
                    ))}
                  </ul>
                  <p>
                    Which connections and zones are seen: <Link to="/monitor">Monitor</Link>. What was dealt with:{" "}
                    <Link to="/findings?state=acknowledged">acknowledged</Link>, <Link to="/findings?state=muted">muted</Link>, <Link to="/findings?state=closed">closed</Link>.
                  </p>
                </Empty>
              )}
            </Guard>
          </>
        )}
      </WithMonitor>
    </Page>
  );
}
