/** Who talks to whom: Purdue levels from top to bottom, zones from left to right, and what is chosen beside it. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { monitor, type NetworkMap as MapData } from "../api/monitor";
import { formatCount, plural } from "../format/number";
import { MapTable } from "../network/MapTable";
import { AssetName, Counted, Foreign, Protocols, WithMonitor, Worst } from "../network/Parts";
import { ProtocolSelect, useZone, ZoneSelect } from "../network/Selects";
import { edgeKey, siftMap, type Shown } from "../network/sift";
import { COUNTS_MS, useRenewal } from "../network/useMonitor";
import { levelName, roleWords, zoneName } from "../network/words";
import { Empty, Guard, Loading } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { SearchField } from "../parts/SearchField";
import { Status } from "../parts/Status";
import { Term } from "../parts/Term";
import { useNarrow } from "../parts/useRowHeight";
import { Link, seenAssetHref, setSearch, useSearch } from "../router";

const MapView = lazy(() => import("../network/MapView").then((m) => ({ default: m.MapView })));

export function NetworkMap() {
  useRenewal("assets", "links", "findings");
  const q = useQuery({ queryKey: ["monitor-lists", "map"], queryFn: ({ signal }) => monitor.map({ signal }), refetchInterval: COUNTS_MS });
  const empty = (q.data?.nodes.length ?? 0) === 0;
  return (
    <Page
      title="Network map"
      lead={
        <p>
          Who talks to whom, by <Term k="purdue" /> and <Term k="zone" />.
        </p>
      }
    >
      <WithMonitor empty={empty}>
        {() => (
          <Guard query={q} what="the map">
            {q.data && empty ? (
              <Empty title="No device has been seen yet.">
                <p>
                  The map draws itself from packets. If it stays empty, look at the <Link to="/monitor">state of the interfaces</Link>.
                </p>
              </Empty>
            ) : (
              q.data && <Body map={q.data} />
            )}
          </Guard>
        )}
      </WithMonitor>
    </Page>
  );
}

function Body({ map }: { map: MapData }) {
  const search = useSearch();
  const narrow = useNarrow();
  const view = search.get("view") ?? (narrow ? "table" : "map");
  const [text, protocol, findings] = [search.get("search") ?? "", search.get("protocol") ?? "", search.get("findings") === "1"];
  const zone = useZone();
  const shown = useMemo(() => siftMap(map, { text, protocol, zone, findings }), [map, text, protocol, zone, findings]);
  // One match of the search is what was looked for.
  const only = text !== "" && shown.matched.length === 1 ? (shown.matched[0]?.id ?? null) : null;
  const selected = search.get("asset") ?? only;
  const here = map.nodes.some((n) => n.id === selected) ? selected : null;
  return (
    <>
      <Filters map={map} findings={findings} view={view} />
      <p className="count">
        <Counted what={`${plural(map.nodes.length, "asset")}, ${plural(map.edges.length, "link")}`} />
        {shown.nodes.size < map.nodes.length ? `; ${formatCount(shown.nodes.size)} assets and ${formatCount(shown.edges.size)} links fit the filters` : ""}
      </p>
      {map.more && <p className="notice">The network is larger than this map: the 2,000 busiest assets are on it. All of them stand under Assets.</p>}
      {view === "table" ? (
        <MapTable map={map} shown={shown} />
      ) : (
        <div className={here ? "map-beside chosen" : "map-beside"}>
          <Suspense fallback={<Loading what="the map" />}>
            <MapView map={map} shown={shown} selected={here} onSelect={(id) => setSearch({ asset: id })} />
          </Suspense>
          {here && <Chosen map={map} shown={shown} id={here} />}
          <p className="hint map-words">
            Arrows point to who is asked. Dashed frame: not approved yet. Dark: this gateway. Dotted line: encrypted; dashed line: one direction only. Colour: an open finding.
          </p>
        </div>
      )}
    </>
  );
}

function Filters({ map, findings, view }: { map: MapData; findings: boolean; view: string }) {
  const spoken = useMemo(() => [...new Set(map.edges.flatMap((e) => e.protocols))].sort(), [map]);
  const zones = useMemo(() => [...new Set(map.nodes.map((n) => n.zone))].sort(), [map]);
  return (
    <div className="form-row filters" role="search" aria-label="Network map">
      <SearchField placeholder="name, address, role" />
      <ProtocolSelect keys={spoken} />
      <ZoneSelect zones={zones} />
      <label className="check">
        <input type="checkbox" checked={findings} onChange={(e) => setSearch({ findings: e.target.checked ? "1" : null })} />
        Only with open findings
      </label>
      <div className="tabs end" role="group" aria-label="Show as">
        {(["map", "table"] as const).map((v) => (
          <button key={v} type="button" aria-pressed={view === v} onClick={() => setSearch({ view: v })}>
            {v === "map" ? "Map" : "Table"}
          </button>
        ))}
      </div>
    </div>
  );
}

const MOST = 40;

/** What was chosen on the map, and its links. */
function Chosen({ map, shown, id }: { map: MapData; shown: Shown; id: string }) {
  const node = map.nodes.find((n) => n.id === id);
  if (!node) return null;
  const names = new Map(map.nodes.map((n) => [n.id, n.label]));
  const links = map.edges.filter((e) => e.client === id || e.server === id).sort((a, b) => Number(shown.edges.has(edgeKey(b))) - Number(shown.edges.has(edgeKey(a))) || (b.packets ?? 0) - (a.packets ?? 0));
  return (
    <Panel
      title={<Foreign>{node.label || id}</Foreign>}
      id="chosen"
      aside={
        <button type="button" onClick={() => setSearch({ asset: null, search: null })}>
          Close
        </button>
      }
    >
      <p>
        <span className="mono">{id}</span>, {roleWords(node)}, {zoneName(node.zone)}, {levelName(node.level)}
        {node.approved ? "" : ", "}
        {!node.approved && <Status tone="off">not approved</Status>}
      </p>
      <p>
        Findings: <Worst findings={node.findings} worst={node.worst} />
        {node.connection && (
          <>
            . Connection <Link to={`/connections?name=${encodeURIComponent(node.connection)}`}>{node.connection}</Link>
          </>
        )}
      </p>
      <p>
        <Link className="button" to={seenAssetHref(id)}>
          Open the asset
        </Link>
      </p>
      <h3>{plural(links.length, "link")}</h3>
      <ul className="chosen-links">
        {links.slice(0, MOST).map((e) => (
          <li key={edgeKey(e)}>
            <span className="quiet">{e.client === id ? "asks" : "is asked by"}</span> <AssetName id={e.client === id ? e.server : e.client} name={names.get(e.client === id ? e.server : e.client)} />
            <div className="small quiet">
              <Protocols keys={e.protocols} />, {formatCount(e.packets)} packets
              {e.changes ? `, ${formatCount(e.changes)} changes` : ""}
            </div>
            {e.findings > 0 && <Worst findings={e.findings} worst={e.worst} />}
          </li>
        ))}
      </ul>
      {links.length > MOST && <p className="quiet">and {links.length - MOST} more on its page</p>}
    </Panel>
  );
}
