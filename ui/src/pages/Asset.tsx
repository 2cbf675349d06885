/** One asset: what it is, who answers for it, whether its type's promise is kept, and its points with live values. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import type { AssetAt, AssetPage, AssetPoint, PointLive } from "../api/types";
import { plural } from "../format/number";
import { useLivePoint } from "../live/useLive";
import { Empty, Guard } from "../parts/Messages";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { ValueAge, ValueText } from "../parts/PointCells";
import { Quality } from "../parts/Quality";
import { Table } from "../parts/Table";
import { Term } from "../parts/Term";
import { assetHref, Link, namespaceHref, pointHref } from "../router";

export function Asset({ path }: { path: string }) {
  const q = useQuery({ queryKey: ["asset", path], queryFn: ({ signal }) => api.asset(path, { signal }), refetchInterval: 10_000 });
  return (
    <Page
      title={q.data?.name || path.split("/").pop() || path}
      lead={
        <p>
          <Term k="asset">Asset</Term> at <Link to={namespaceHref(path)}>{path}</Link>
        </p>
      }
    >
      <Guard query={q} what="the asset">
        {q.data && <Body asset={q.data} />}
      </Guard>
    </Page>
  );
}

function Body({ asset }: { asset: AssetPage }) {
  return (
    <>
      <Panel title="What it is" id="what">
        <Facts>
          <Fact name="Type">{[asset.type, ...(asset.contract?.extends ?? [])].join(", which is a ")}</Fact>
          {asset.contract?.description && <Fact name="Meaning">{asset.contract.description}</Fact>}
          <Fact name="Level (ISA-95)">{asset.level}</Fact>
          <Fact name="Owner in the plant (OT)">{asset.owner_ot ?? "not named"}</Fact>
          <Fact name="Owner in IT">{asset.owner_it ?? "not named"}</Fact>
          <Fact name={<Term k="zone" />}>{asset.zone ?? "none"}</Fact>
          <Fact name="Stands in">{asset.within ? <Name of={asset.within} /> : "no other asset"}</Fact>
          <Contract asset={asset} />
        </Facts>
      </Panel>
      <Points asset={asset} />
      {(asset.below.length > 0 || (asset.contract?.parts.length ?? 0) > 0) && <Below asset={asset} />}
    </>
  );
}

const Name = ({ of }: { of: AssetAt }) => (
  <>
    <Link to={assetHref(of.path)}>{of.name}</Link> <span className="quiet">{of.type}</span>
  </>
);

/** Kept, or what is missing; a word without a file promises nothing. */
function Contract({ asset }: { asset: AssetPage }) {
  const { contract } = asset;
  if (!contract) {
    return (
      <Fact name="Contract">
        none: <code>types/{asset.type}.toml</code> would say what every {asset.type} must have
      </Fact>
    );
  }
  return (
    <Fact name="Contract" tone={contract.kept ? "normal" : "attention"}>
      <span data-testid="contract">{contract.kept ? `kept: it has everything that a ${asset.type} must have` : `not kept: ${contract.missing.join(", ")} missing`}</span>
    </Fact>
  );
}

function Points({ asset }: { asset: AssetPage }) {
  const bad = asset.points.filter((p) => p.point && !p.point.good).length;
  return (
    <Panel title="Points" id="points" aside={<span className="quiet">{`${plural(asset.points.filter((p) => p.point).length, "point")}${bad ? `, ${bad} not Good` : ""}`}</span>}>
      {asset.points.length === 0 ? (
        <Empty title="No point right here.">
          <p>
            Give it some: write <code>bind</code> in its file under <code>assets/</code>, or look at <Link to={namespaceHref(asset.path)}>what stands below it</Link>.
          </p>
        </Empty>
      ) : (
        <Table
          caption={`Points of ${asset.name}`}
          rows={asset.points}
          rowKey={(p) => p.name}
          columns={[
            { head: "Point", label: "Point", cell: (p) => (p.point ? <Link to={pointHref(p.point.path)}>{p.name}</Link> : p.name) },
            { head: "Value", label: "Value", numeric: true, cell: (p) => (p.point ? <Live point={p.point} part="value" /> : <span className="quiet">nothing feeds it</span>) },
            { head: <Term k="quality" />, label: "Quality", cell: (p) => p.point && <Live point={p.point} part="quality" /> },
            { head: "Measured", label: "Measured", cell: (p) => p.point && <Live point={p.point} part="age" /> },
            { head: `What a ${asset.type} has`, label: "Type", wide: true, cell: promise },
          ]}
        />
      )}
      {asset.more && <p className="hint">There are more points than shown here: the namespace has all of them.</p>}
    </Panel>
  );
}

function promise(p: AssetPoint) {
  if (!p.wanted) return <span className="quiet">not of the type</span>;
  return `${p.wanted}${p.required ? "" : ", may be missing"}`;
}

function Live({ point: base, part }: { point: PointLive; part: "value" | "quality" | "age" }) {
  const point = useLivePoint(base);
  if (part === "value") return <ValueText point={point} />;
  if (part === "quality") return <Quality quality={point.quality} good={point.good} />;
  return <ValueAge point={point} />;
}

function Below({ asset }: { asset: AssetPage }) {
  const parts = asset.contract?.parts ?? [];
  const others = asset.below.filter((b) => !parts.some((p) => p.found?.path === b.path));
  const rows = [...parts.map((p) => ({ name: p.name, found: p.found, wanted: `${p.type}${p.required ? "" : ", may be missing"}` })), ...others.map((b) => ({ name: b.name, found: b, wanted: "" }))];
  return (
    <Panel title="Parts and assets below it" id="below">
      <Table
        caption={`Below ${asset.name}`}
        rows={rows}
        rowKey={(r) => r.found?.path ?? r.name}
        columns={[
          { head: "Asset", label: "Asset", cell: (r) => (r.found ? <Name of={r.found} /> : <>{r.name} <span className="quiet">is not there</span></>) },
          { head: "Part of the type", label: "Part", wide: true, cell: (r) => r.wanted || <span className="quiet">not of the type</span> },
        ]}
      />
    </Panel>
  );
}
