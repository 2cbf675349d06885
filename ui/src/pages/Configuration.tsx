/** The files of the plant: look, edit as a form or as text, see what would change, save, apply. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { config, type PlantFile, type PlantFiles } from "../api/config";
import { ApplyPanel } from "../config/ApplyPanel";
import { drafts, sortOf } from "../config/drafts";
import { FilePanel } from "../config/FilePanel";
import { NewFileDialog } from "../config/NewFileDialog";
import { formatBytes, plural } from "../format/number";
import { Empty, Guard } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Time } from "../parts/Time";
import { Link, navigate, setSearch, useSearch } from "../router";
import { useWhyNot } from "../session";

export const fileHref = (name: string) => `/configuration?file=${encodeURIComponent(name)}`;

export function Configuration() {
  const why = useWhyNot("engineer", "read and change the configuration");
  return (
    <Page title="Configuration" lead={<p>The plant is a folder of text files. What you save here is in that folder; it takes effect when it is applied.</p>}>
      {why === null ? (
        <Folder />
      ) : (
        <Empty title="The configuration is not for every role.">
          <p>{why}</p>
          <p>
            What it makes of the machines is on the pages <Link to="/connections">Connections</Link> and <Link to="/namespace">Namespace</Link>.
          </p>
        </Empty>
      )}
    </Page>
  );
}

const SORTED = ["connection", "destination", "asset", "type"] as const;
const SORTS: Record<PlantFile["sort"], string> = { plant: "Plant", connection: "Connection", destination: "Destination", asset: "Asset", type: "Asset type", list: "Tag list", measured: "Measurement" };

function Folder() {
  const search = useSearch();
  const wanted = search.get("file");
  const asked = SORTED.find((sort) => sort === search.get("add")) ?? null;
  const [adding, setAdding] = useState(asked !== null);
  const q = useQuery({ queryKey: ["config-files"], queryFn: ({ signal }) => config.files({ signal }), refetchInterval: 10_000 });
  const kinds = useQuery({ queryKey: ["config-kinds"], queryFn: ({ signal }) => config.kinds({ signal }), staleTime: 300_000 });
  return (
    <>
      {wanted && <FilePanel key={wanted} name={wanted} known={q.data?.files.some((f) => f.name === wanted) ?? true} />}
      <ApplyPanel />
      <Panel
        title="Files"
        id="files"
        aside={
          <button type="button" onClick={() => setAdding(true)}>
            Add a file
          </button>
        }
      >
        <Guard query={q} what="the plant folder">
          {q.data && <Files of={q.data} chosen={wanted} />}
        </Guard>
      </Panel>
      {adding && (
        <NewFileDialog
          kinds={(kinds.data ?? []).filter((kind) => asked === null || kind.sort === asked)}
          taken={(q.data?.files ?? []).map((f) => f.name)}
          onClose={() => {
            setAdding(false);
            setSearch({ add: null });
          }}
          onMade={(name) => {
            setAdding(false);
            navigate(fileHref(name));
          }}
        />
      )}
    </>
  );
}

function Files({ of, chosen }: { of: PlantFiles; chosen: string | null }) {
  const unsaved = drafts.names();
  const rows: PlantFile[] = [
    ...unsaved.filter((name) => !of.files.some((f) => f.name === name)).map((name): PlantFile => ({ name, sort: sortOf(name) })),
    ...of.files,
  ];
  const columns: Column<PlantFile>[] = [
    {
      head: "File",
      label: "File",
      wide: true,
      cell: (f) => (
        <Link to={fileHref(f.name)} className="mono">
          {f.name}
        </Link>
      ),
    },
    { head: "Holds", label: "Holds", cell: (f) => SORTS[f.sort] ?? f.sort },
    { head: "Size", label: "Size", numeric: true, cell: (f) => (f.bytes === undefined ? "–" : formatBytes(f.bytes)) },
    { head: "Last change", label: "Last change", cell: (f) => (f.changed ? <Time ms={f.changed} age /> : "–") },
    { head: "State", label: "State", cell: (f) => (unsaved.includes(f.name) ? <Status tone="attention">not saved</Status> : <span className="quiet">saved</span>) },
  ];
  return (
    <>
      <p className="quiet">
        <span className="mono">{of.folder}</span>
        {of.repository
          ? `, in git${of.repository.branch ? ` on ${of.repository.branch}` : ""}: what you save is committed under your name${of.repository.changed ? `; ${plural(of.repository.changed, "other change")} there not committed` : ""}.`
          : ", not in git: put it into a repository to keep every version."}
      </p>
      {rows.length <= 1 && (
        <Empty title="No machine is described yet.">
          <p>
            Press Add a file for a connection, or <Link to="/discover">find your devices</Link> and take over their drafts.
          </p>
        </Empty>
      )}
      <Table caption="Files of the plant" columns={columns} rows={rows} rowKey={(f) => f.name} rowClass={(f) => (f.name === chosen ? "selected" : "")} />
    </>
  );
}
