import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import type { AuditPage, AuditRecord } from "../api/types";
import { formatCount, plural } from "../format/number";
import { Code, Empty, ErrorBox, Guard, ThreeParts } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { SearchField } from "../parts/SearchField";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time, Zone } from "../parts/Time";
import { Link, pointHref, useSearch } from "../router";
import { useWhyNot } from "../session";
import { COMMANDS } from "../words/commands";

export function Audit() {
  const why = useWhyNot("engineer", "read the audit log");
  if (why === null) return <Records />;
  return (
    <Page title="Audit">
      <Empty title="The audit log is not for every role.">
        <p>{why}</p>
        <p>Ask one of them, or an administrator for the role. What happened in the plant is on the page Events for everybody.</p>
      </Empty>
    </Page>
  );
}

function Records() {
  const asked = useSearch().get("search") ?? "";
  const q = useInfiniteQuery({
    queryKey: ["audit", asked],
    queryFn: ({ pageParam, signal }) => api.audit({ limit: 100, before: pageParam, search: asked }, { signal }),
    initialPageParam: null as number | string | null,
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : 5000),
  });
  const records = q.data?.pages.flatMap((p) => p.records) ?? [];
  return (
    <Page
      title="Audit"
      lead={
        <p>
          Who did what: the <Term k="audit">audit log</Term> of sign-ins, commands and changes, newest first.
        </p>
      }
    >
      <Chain chain={q.data?.pages[0]?.chain} />
      <div className="form-row filters" role="search" aria-label="Audit records">
        <SearchField placeholder="person, action, point, connection" />
      </div>
      <Guard query={q} what="the audit log">
        {records.length === 0 ? (
          <Empty title={asked ? "No record matches." : "No record yet."}>
            <p>{asked ? "Try a shorter word." : "The next sign-in, command or change is recorded here."}</p>
          </Empty>
        ) : (
          <>
            <Table caption="Audit records" columns={columns} rows={records} rowKey={(r) => r.seq} />
            {q.hasNextPage && (
              <button type="button" disabled={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
                {q.isFetchingNextPage ? "Reading …" : "Show older records"}
              </button>
            )}
          </>
        )}
      </Guard>
    </Page>
  );
}

function Chain({ chain }: { chain: AuditPage["chain"] | undefined }) {
  const client = useQueryClient();
  const verify = useMutation({
    mutationFn: api.verifyAudit,
    onSuccess: () => client.invalidateQueries({ queryKey: ["audit"] }),
  });
  const problem = verify.data ? verify.data.problem || (verify.data.ok ? null : "The chain is broken.") : chain?.problem;
  return (
    <Panel
      title={<Term k="chain">Chain of records</Term>}
      id="chain"
      aside={
        <button type="button" disabled={verify.isPending} onClick={() => verify.mutate()}>
          {verify.isPending ? "Verifying …" : "Verify the chain now"}
        </button>
      }
    >
      {verify.error && <ErrorBox error={verify.error} />}
      {problem ? (
        <ThreeParts
          alert
          title={`The audit log does not verify: ${problem}`}
          meaning="Somebody or something changed records. Writes to the plant stop until it is settled; reading and recording go on."
          next="Keep the data folder as it is, tell the person in charge of security, and verify on the machine itself with the command below."
        >
          <Code>{COMMANDS.audit}</Code>
        </ThreeParts>
      ) : verify.data ? (
        <p role="status">
          Verified just now: {plural(verify.data.records ?? chain?.records ?? 0, "record")}, every one fits the one before.
        </p>
      ) : (
        <p>
          {formatCount(chain?.records)} records.{" "}
          {chain?.verified ? "Verified" : "Not verified since the start"}
          {chain?.checked_at ? (
            <>
              {" "}
              <Time ms={chain.checked_at} age />
            </>
          ) : null}
          .
        </p>
      )}
    </Panel>
  );
}

const detail = (d: AuditRecord["detail"]) => (d === null || d === undefined ? "" : typeof d === "string" ? d : JSON.stringify(d));

const columns: Column<AuditRecord>[] = [
  {
    head: (
      <>
        Time
        <Zone />
      </>
    ),
    label: "Time",
    cell: (r) => <Time ms={r.time} />,
  },
  { head: "Who", label: "Who", cell: (r) => r.actor },
  { head: "Action", label: "Action", cell: (r) => r.action },
  {
    head: "On what",
    label: "On what",
    wide: true,
    cell: (r) => (r.object?.includes("/") && !r.object.includes(" ") && !r.object.endsWith(".toml") ? <Link to={pointHref(r.object)}>{r.object}</Link> : (r.object ?? "")),
  },
  { head: "Outcome", label: "Outcome", cell: (r) => r.outcome ?? "" },
  { head: "Detail", label: "Detail", wide: true, cell: (r) => detail(r.detail) },
  {
    head: "Record",
    label: "Record",
    cell: (r) => (
      <span className="mono quiet" title={r.hash ? `SHA-256 ${r.hash}` : undefined}>
        {r.seq} {r.hash ? r.hash.slice(0, 8) : ""}
      </span>
    ),
  },
];
