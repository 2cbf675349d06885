/** Addresses at which other programs get the plant's data: what is offered, and how to turn on what is not. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { CopyButton } from "../parts/Copy";
import { ErrorBox, Loading } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Table, type Column } from "../parts/Table";
import { Link } from "../router";
import { COMMANDS } from "../words/commands";
import { ways, type Way } from "../words/ways";

const columns: Column<Way>[] = [
  { head: "What", label: "What", cell: (w) => w.name },
  { head: "For", label: "For", cell: (w) => w.use },
  {
    head: "Address",
    label: "Address",
    wide: true,
    cell: (w) =>
      w.address ? (
        <span className="mono">{w.address}</span>
      ) : (
        <>
          Not offered. Write <code>{w.off}</code> into <code>ironbridge.toml</code> and start Ironbridge again.
        </>
      ),
  },
  { head: "", label: "", cell: (w) => (w.address ? <CopyButton text={w.address} /> : null) },
];

export function Programs() {
  const about = useQuery({ queryKey: ["about"], queryFn: ({ signal }) => api.about({ signal }) });
  return (
    <Page title="For other programs" lead={<p>Where scripts, databases, dashboards and control systems get the plant&apos;s data. All of it is read-only here.</p>}>
      {about.data ? (
        <>
          <Panel title="Addresses">
            <Table caption="Addresses for other programs" columns={columns} rows={ways(about.data.listeners, location.origin)} rowKey={(w) => w.name} />
          </Panel>
          <Panel title="Signing in">
            <p>
              Each program gets a token of its own, made on <Link to="/users">Users, tokens, secrets</Link> or with <code>{COMMANDS.token}</code>. It is sent as{" "}
              <code>authorization: Bearer TOKEN</code>; for SQL its name is the user and its text the password. A token with a prefix sees only the points below it.
            </p>
            <p>
              <code>PATTERN</code> is a path or a pattern below the site, e.g. <code>packaging/**</code>; <code>*</code> is one place, <code>**</code> everything below. The parameter may be repeated.
            </p>
            <p>
              To have data sent instead of fetched (MQTT, NATS, Kafka, PostgreSQL, files, OpenTelemetry and others), see <Link to="/destinations">Destinations</Link>.
            </p>
          </Panel>
        </>
      ) : about.error ? (
        <ErrorBox error={about.error} onRetry={() => void about.refetch()} />
      ) : (
        <Loading what="the addresses" />
      )}
    </Page>
  );
}
