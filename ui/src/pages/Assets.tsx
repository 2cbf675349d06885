/** Everything the monitor has seen on the network, as a list; with `?id=` one of them. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { monitor, type AssetRow } from "../api/monitor";
import { formatCount, plural } from "../format/number";
import { AssetName, Protocols, WithMonitor, Worst } from "../network/Parts";
import { SeenAssetPage } from "../network/SeenAsset";
import { ProtocolSelect, useZone, ZoneSelect } from "../network/Selects";
import { COUNTS_MS, useRenewal } from "../network/useMonitor";
import { fits, identity, levelName, ordered, type AssetSieve, type Order } from "../network/words";
import { GatedButton } from "../parts/Gate";
import { Empty, ErrorBox, Guard } from "../parts/Messages";
import { Page } from "../parts/Page";
import { SearchField } from "../parts/SearchField";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Age } from "../parts/Time";
import { Link, setSearch, useSearch } from "../router";
import { useWhyNot } from "../session";

const STEP = 200;

export function Assets() {
  const id = useSearch().get("id");
  return id === null ? <AssetList /> : <SeenAssetPage key={id} id={id} />;
}

function AssetList() {
  useRenewal("assets", "findings");
  const q = useQuery({ queryKey: ["monitor-lists", "assets"], queryFn: ({ signal }) => monitor.assets({ signal }), refetchInterval: COUNTS_MS });
  const assets = q.data?.assets ?? [];
  return (
    <Page
      title="Assets"
      lead={
        <p>
          Every device that the monitor has seen on the network, with what it said of itself. Machines of the plant's own model stand in the <Link to="/namespace">Namespace</Link>.
        </p>
      }
    >
      <WithMonitor empty={assets.length === 0}>
        {() => (
          <Guard query={q} what="the assets">
            {assets.length === 0 ? (
              <Empty title="No device has been seen yet.">
                <p>
                  As soon as packets arrive, whoever sent them is listed here. If it stays empty, look at the <Link to="/monitor">state of the interfaces</Link>.
                </p>
              </Empty>
            ) : (
              <Sifted assets={assets} more={q.data?.more ?? false} />
            )}
          </Guard>
        )}
      </WithMonitor>
    </Page>
  );
}

function Sifted({ assets, more }: { assets: AssetRow[]; more: boolean }) {
  const search = useSearch();
  const sieve: AssetSieve = { text: search.get("search") ?? "", protocol: search.get("protocol") ?? "", zone: useZone(), only: (search.get("only") ?? "") as AssetSieve["only"] };
  const order = (search.get("order") ?? "urgent") as Order;
  const { text, protocol, zone, only } = sieve;
  const found = useMemo(() => ordered(assets.filter((a) => fits(a, { text, protocol, zone, only })), order), [assets, text, protocol, zone, only, order]);
  const [room, setRoom] = useState(STEP);
  useEffect(() => setRoom(STEP), [text, protocol, zone, only, order]);
  const approving = useApproving(found);
  const shown = found.slice(0, room);
  return (
    <>
      <Filters assets={assets} sieve={sieve} order={order} />
      <div className="form-row">
        <p className="count">
          {plural(found.length, "asset")}
          {found.length === assets.length ? "" : ` of ${formatCount(assets.length)}`}; {formatCount(assets.filter((a) => !a.approved).length)} not approved
        </p>
        {approving.bar}
      </div>
      {more && <p className="notice">There are more assets than one answer holds (10,000): the list is not complete.</p>}
      {found.length === 0 ? (
        <Empty title="No asset matches.">
          <p>Take away a filter to see more.</p>
          <button type="button" onClick={() => setSearch({ search: null, protocol: null, zone: null, only: null })}>
            Show all assets
          </button>
        </Empty>
      ) : (
        <Table caption="Assets" columns={[approving.column, ...columns]} rows={shown} rowKey={(a) => a.id} />
      )}
      {found.length > room && (
        <button type="button" onClick={() => setRoom(room + STEP)}>
          Show {formatCount(Math.min(STEP, found.length - room))} more
        </button>
      )}
    </>
  );
}

function Filters({ assets, sieve, order }: { assets: AssetRow[]; sieve: AssetSieve; order: Order }) {
  const spoken = useMemo(() => [...new Set(assets.flatMap((a) => [...a.serves, ...a.asks]))].sort(), [assets]);
  const zones = useMemo(() => [...new Set(assets.map((a) => a.zone))].sort(), [assets]);
  return (
    <div className="form-row filters" role="search" aria-label="Assets">
      <SearchField placeholder="name, address, vendor, model" />
      <label>
        Show
        <select value={sieve.only} onChange={(e) => setSearch({ only: e.target.value })}>
          <option value="">All</option>
          <option value="findings">With open findings</option>
          <option value="new">Not approved</option>
          <option value="gone">Not seen since the start</option>
        </select>
      </label>
      <ProtocolSelect keys={spoken} />
      <ZoneSelect zones={zones} />
      <label>
        Order
        <select value={order} onChange={(e) => setSearch({ order: e.target.value === "urgent" ? null : e.target.value })}>
          <option value="urgent">What needs someone first</option>
          <option value="address">Address</option>
          <option value="name">Name</option>
          <option value="last">Last seen</option>
        </select>
      </label>
    </div>
  );
}

/** Ticks in front of assets that are not approved yet, and one button for all that are ticked. */
function useApproving(found: AssetRow[]) {
  const client = useQueryClient();
  const why = useWhyNot("engineer", "approve assets");
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const open = found.filter((a) => !a.approved);
  const chosen = open.filter((a) => ticked.has(a.id));
  const approve = useMutation({
    mutationFn: () => monitor.approve(chosen.map((a) => a.id)),
    onSuccess: async () => {
      setTicked(new Set());
      await client.invalidateQueries({ queryKey: ["monitor-lists"] });
    },
  });
  const tick = (id: string, on: boolean) => {
    const next = new Set(ticked);
    if (on) next.add(id);
    else next.delete(id);
    setTicked(next);
  };
  const column: Column<AssetRow> = {
    head: <span className="visually-hidden">Choose</span>,
    label: "Choose",
    cell: (a) =>
      a.approved ? null : <input type="checkbox" disabled={why !== null} checked={ticked.has(a.id)} aria-label={`Choose ${a.name || a.id}`} onChange={(e) => tick(a.id, e.target.checked)} />,
  };
  const bar = open.length > 0 && (
    <div className="actions">
      {why === null && (
        <button type="button" onClick={() => setTicked(chosen.length === open.length ? new Set() : new Set(open.map((a) => a.id)))}>
          {chosen.length === open.length ? "Choose none" : `Choose all ${formatCount(open.length)} that are not approved`}
        </button>
      )}
      {why === null ? (
        <button type="button" disabled={chosen.length === 0 || approve.isPending} onClick={() => approve.mutate()}>
          {chosen.length === 0 ? "Approve" : `Approve ${plural(chosen.length, "asset")}`}
        </button>
      ) : (
        <GatedButton why={why} onClick={() => undefined}>
          Approve
        </GatedButton>
      )}
      {approve.error && <ErrorBox error={approve.error} />}
    </div>
  );
  return { column, bar };
}

const columns: Column<AssetRow>[] = [
  {
    head: "Asset",
    label: "Asset",
    cell: (a) => (
      <>
        <AssetName id={a.id} name={a.name} />
        {a.addresses.length > 1 && <div className="quiet small">and {a.addresses.filter((x) => x !== a.id).slice(0, 3).join(", ")}</div>}
      </>
    ),
  },
  {
    head: "What it is",
    label: "What it is",
    wide: true,
    cell: (a) => (
      <>
        {a.own ? "this gateway" : a.role_words}
        <div className="quiet small">
          <bdi>{identity(a)}</bdi>
        </div>
      </>
    ),
  },
  {
    head: (
      <>
        <Term k="zone" />, <Term k="purdue">level</Term>
      </>
    ),
    label: "Zone, level",
    cell: (a) => (
      <>
        {a.zone || <span className="quiet">no zone</span>}
        <div className="quiet small">{levelName(a.level)}</div>
      </>
    ),
  },
  { head: "Approved", label: "Approved", cell: (a) => (a.approved ? <span className="quiet">yes</span> : <Status tone="off">not yet</Status>) },
  { head: "Findings", label: "Findings", cell: (a) => <Worst findings={a.findings} worst={a.worst} /> },
  {
    head: "Speaks",
    label: "Speaks",
    wide: true,
    cell: (a) => (
      <>
        {a.serves.length > 0 && (
          <div>
            answers <Protocols keys={a.serves} />
          </div>
        )}
        {a.asks.length > 0 && (
          <div>
            asks <Protocols keys={a.asks} />
          </div>
        )}
        {a.connection && (
          <div className="small">
            connection <Link to={`/connections?name=${encodeURIComponent(a.connection)}`}>{a.connection}</Link>
          </div>
        )}
      </>
    ),
  },
  { head: "Last seen", label: "Last seen", cell: (a) => <Age ms={a.last} /> },
];
