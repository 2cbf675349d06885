/** What ERP, MES and planners ordered: what came, what it wrote, what became of it, what to do next; and the ways in. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "../api/client";
import { commands } from "../api/commands";
import type { OrderWay, PointLive } from "../api/types";
import { STATES, TONES, shownChange } from "../commands/CommandTable";
import { formatValue } from "../format/value";
import { useLivePoint } from "../live/useLive";
import { ordersOf, type Order, type Wish } from "../orders/orders";
import { Code, Empty, Guard } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { SearchField } from "../parts/SearchField";
import { Status } from "../parts/Status";
import { Table, type Column } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time, Zone } from "../parts/Time";
import { Link, namespaceHref, pointHref, useSearch } from "../router";
import { atLeast, useSession } from "../session";
import { COMMANDS, FILES, SAMPLES } from "../words/commands";

/** Orders that one look shows. */
const MOST = 200;
type Way = OrderWay & { from: string };

export function Orders() {
  const asked = (useSearch().get("search") ?? "").toLowerCase();
  const connections = useQuery({ queryKey: ["connections"], queryFn: ({ signal }) => api.connections({ signal }), refetchInterval: 5000 });
  const known = useQuery({ queryKey: ["orders", "commands"], queryFn: ({ signal }) => commands.every({ limit: 1000 }, { signal }), refetchInterval: 2000 });
  const told = useQuery({ queryKey: ["orders", "events"], queryFn: ({ signal }) => api.events({ kind: "change", search: "order", limit: 500 }, { signal }), refetchInterval: 3000 });
  const ways: Way[] = (connections.data ?? []).flatMap((c) => c.orders.map((way) => ({ ...way, from: c.name })));
  const all = ordersOf(known.data ?? [], told.data?.events ?? []);
  const shown = all.filter((o) => `${o.id} ${o.from} ${o.wishes.map((w) => `${w.path} ${w.state}`).join(" ")}`.toLowerCase().includes(asked)).slice(0, MOST);
  return (
    <Page
      title="Orders"
      lead={
        <p>
          What ERP, MES and planners want made. What an <Term k="order">order</Term> changes in the plant is a <Link to="/commands">command</Link> like any other.
        </p>
      }
    >
      {ways.length > 0 && <ReadOnly />}
      {all.length > 0 && (
        <div className="form-row filters" role="search" aria-label="Orders">
          <SearchField placeholder="order, connection, path or outcome" />
        </div>
      )}
      <Guard query={connections} what="the ways in">
        {ways.length === 0 && all.length === 0 ? (
          <NoWay />
        ) : (
          <>
            <Guard query={known} what="the orders">
              <Guard query={told} what="earlier orders">
                <Panel title="Orders received" id="orders" aside={<Link to="/events?kind=change&search=order">Older ones: events</Link>}>
                  {shown.length > 0 ? (
                    <Table caption="Orders received" columns={ORDERS} rows={shown} rowKey={(o) => o.key} rowClass={(o) => `row-${worst(o)}`} />
                  ) : (
                    <Empty title={asked ? "No order matches." : "No order has come yet."}>
                      <p>{asked ? "Take away a part of what you search for." : "Send one by a way that stands below; the page of orders in the documentation has an example for each."}</p>
                    </Empty>
                  )}
                </Panel>
              </Guard>
            </Guard>
            <Panel title="Ways in" id="ways">
              {ways.length > 0 ? <Table caption="Ways in" columns={WAYS} rows={ways} rowKey={(w) => `${w.from}/${w.command}`} /> : <p className="quiet">No connection takes orders now.</p>}
            </Panel>
          </>
        )}
      </Guard>
    </Page>
  );
}

function worst(order: Order) {
  const tones = order.wishes.map((w) => TONES[w.state] ?? "normal");
  return tones.find((tone) => tone === "alarm") ?? tones.find((tone) => tone === "attention") ?? "normal";
}

const connectionHref = (name: string) => `/connections?name=${encodeURIComponent(name)}`;

const ORDERS: Column<Order>[] = [
  {
    head: "Order",
    label: "Order",
    cell: (o) => (
      <>
        <b className="mono">{o.id || "(without an id)"}</b>
        <div className="quiet small">
          by <Link to={connectionHref(o.from)}>{o.from}</Link>
        </div>
      </>
    ),
  },
  {
    head: (
      <>
        Received
        <Zone />
      </>
    ),
    label: "Received",
    cell: (o) => <Time ms={o.time} age />,
  },
  {
    head: "What it asked for, and what became of it",
    label: "What it asked for",
    wide: true,
    cell: (o) => (
      <ul>
        {o.wishes.map((w) => (
          <li key={w.key} data-testid="wish" data-state={w.state}>
            <WishText wish={w} />
          </li>
        ))}
      </ul>
    ),
  },
];

function WishText({ wish: w }: { wish: Wish }) {
  const state = w.state in TONES ? w.state : STATES[w.state as keyof typeof STATES];
  return (
    <>
      <Link to={pointHref(w.path)} title={w.path}>
        {w.name}
      </Link>{" "}
      <span className="quiet">({w.command})</span> {w.value === undefined ? null : shownChange(w.before, w.value, w.unit)}{" "}
      <Status tone={TONES[w.state] ?? "normal"}>{state}</Status>
      {w.why && (
        <div className="quiet">
          <Prose>{w.why}</Prose>
        </div>
      )}
      {w.next && (
        <div className="small">
          <b>Next step:</b> <Prose>{w.next}</Prose>
          {w.state === "waiting" && (
            <>
              {" "}
              <Link to="/commands">To the page Commands</Link>
            </>
          )}
        </div>
      )}
    </>
  );
}

const WAYS: Column<Way>[] = [
  {
    head: "Connection",
    label: "Connection",
    cell: (w) => <Link to={connectionHref(w.from)}>{w.from}</Link>,
  },
  { head: "Comes with", label: "Comes with", cell: (w) => <span className="mono">{w.at}</span> },
  {
    head: "May write",
    label: "May write",
    wide: true,
    cell: (w) => (
      <>
        <Link to={pointHref(w.target)}>{w.target.split("/").pop()}</Link> <span className="quiet">({w.command})</span>
        <div className="quiet small">{w.target}</div>
      </>
    ),
  },
  {
    head: "Commands",
    label: "Commands",
    cell: (w) =>
      w.allowed ? (
        "on"
      ) : (
        <>
          <Status tone="off">off</Status>
          <div className="quiet small">
            <code>commands = &quot;on&quot;</code> in its file turns them on
          </div>
        </>
      ),
  },
  { head: "The last order", label: "The last order", wide: true, cell: (w) => <Last path={w.outcome} /> },
];

const unknown = (path: string): PointLive => ({ path, name: path, type: "text", unit: "", value: null, quality: "BadWaitingForInitialData", good: false, time: null });

/** What the point beside the order says, and where its fields are. */
function Last({ path }: { path: string }) {
  const point = useLivePoint(useMemo(() => unknown(path), [path]));
  const home = path.split("/").slice(0, -1).join("/");
  return (
    <>
      {typeof point.value === "string" ? <bdi>{formatValue(point.value, "text")}</bdi> : <span className="quiet">none yet</span>}
      <div className="quiet small">
        <Link to={namespaceHref(home)}>Its fields</Link> are points
      </div>
    </>
  );
}

function ReadOnly() {
  const { mode } = useSession();
  if (mode.writes === "on") return null;
  return (
    <p className="notice">
      <b>Writing is off:</b> orders are taken and recorded, and what they ask for is rejected. The page <Link to="/commands">Commands</Link> says how it is turned on.
    </p>
  );
}

function NoWay() {
  const { user } = useSession();
  return (
    <Empty title="No connection takes orders yet.">
      <p>
        Posts, streams of NATS, topics of MQTT and tables of PostgreSQL bring orders: <code>[device.NAME.commands]</code> in the file of their connection says which part of a message is to be
        written to which point. Fields of an order become points like any others.
      </p>
      {atLeast(user.role, "engineer") && (
        <p>
          <Link to="/configuration?add=connection">Add a connection</Link> on the page Configuration, for example of the kind <code>webhook</code>:
        </p>
      )}
      <p className="quiet small">{FILES.connection}</p>
      <Code>{SAMPLES.orders}</Code>
      <Code>{`${COMMANDS.setSecret}\n${COMMANDS.check}\n${COMMANDS.apply}`}</Code>
    </Empty>
  );
}
