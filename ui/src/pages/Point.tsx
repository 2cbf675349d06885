/** One point: its value and whether to trust it, its trend, where it comes from and goes to. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import type { PointDetail, PointLive } from "../api/types";
import { formatNumber, plural } from "../format/number";
import { qualityWords } from "../format/quality";
import { formatDuration, formatTime, zoneName } from "../format/time";
import { formatUnit } from "../format/unit";
import { person } from "../format/who";
import { shownValue } from "../format/value";
import { useNow } from "../live/clock";
import { useLivePoint } from "../live/useLive";
import { GatedButton } from "../parts/Gate";
import { Guard } from "../parts/Messages";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { ValueText } from "../parts/PointCells";
import { Quality } from "../parts/Quality";
import { Status } from "../parts/Status";
import { Term } from "../parts/Term";
import { Age, Time } from "../parts/Time";
import { RawTable } from "../point/RawTable";
import { WriteDialog } from "../point/WriteDialog";
import { assetHref, Link, namespaceHref, pointHref } from "../router";
import { periodOf } from "../trend/series";
import { TrendPanel } from "../trend/TrendPanel";
import { ms } from "./Connections";
import { windowOf, type View, type Window } from "../trend/zoom";
import { serverNow } from "../live/clock";

export function Point({ path }: { path: string }) {
  const q = useQuery({ queryKey: ["point", path], queryFn: ({ signal }) => api.point(path, { signal }), refetchInterval: 2000 });
  const name = q.data?.point.name || path.split("/").pop() || path;
  return (
    <Page title={name} lead={<Crumbs path={path} />}>
      <Guard query={q} what="the point">
        {q.data && <Body detail={q.data} />}
      </Guard>
    </Page>
  );
}

function Crumbs({ path }: { path: string }) {
  const parts = path.split("/");
  return (
    <nav aria-label="Where the point stands" className="crumbs">
      {parts.map((part, i) => (
        <span key={i}>
          {i > 0 && <span aria-hidden="true"> / </span>}
          {i < parts.length - 1 ? <Link to={namespaceHref(parts.slice(0, i + 1).join("/"))}>{part}</Link> : <span aria-current="page">{part}</span>}
        </span>
      ))}
    </nav>
  );
}

function Body({ detail }: { detail: PointDetail }) {
  const live = useLivePoint(detail.point);
  const [view, setView] = useState<View>({ span: 10 * 60_000, end: null });
  const [writing, setWriting] = useState(false);
  const { byItself, period } = useScan(detail);
  const drawable = detail.point.type !== "text" && detail.point.type !== "bytes";
  return (
    <>
      <ValuePanel detail={detail} live={live} onWrite={() => setWriting(true)} />
      {drawable ? (
        <TrendPanel detail={detail} live={live} period={period} view={view} onView={setView} aside={<Downloads detail={detail} view={view} />} />
      ) : (
        <Panel title="Trend" id="trend" aside={<Downloads detail={detail} view={view} />}>
          <p>Values of type {detail.point.type} cannot be drawn. The samples below show them.</p>
        </Panel>
      )}
      <Raw detail={detail} view={view} startOpen={!drawable} />
      <AboutPanel detail={detail} byItself={byItself} />
      {writing && <WriteDialog detail={detail} live={live} onClose={() => setWriting(false)} />}
    </>
  );
}

/** Kinds that record a sample with every scan. With others (subscriptions, changes that a device tells) a value holds while nothing comes. */
const EVERY_SCAN = new Set(["modbus-tcp", "modbus-rtu", "modbus-rtu-tcp", "modbus-tls", "s7", "ethernet-ip", "pccc", "snmp"]);

/** Whether the point comes by itself, and how often it is recorded where that is known. */
function useScan(d: PointDetail): { byItself: boolean; period: number | null } {
  const q = useQuery({ queryKey: ["connections"], queryFn: ({ signal }) => api.connections({ signal }), enabled: Boolean(d.connection), staleTime: 60_000 });
  const connection = q.data?.find((c) => c.name === d.connection);
  const told = connection !== undefined && connection.scans.length > 0 && connection.scans.every((s) => !s.period_ms);
  return { byItself: told || Boolean(d.connection && !d.scan), period: connection && EVERY_SCAN.has(connection.kind) ? periodOf(d.scan) : null };
}

function ValuePanel({ detail, live, onWrite }: { detail: PointDetail; live: PointLive; onWrite: () => void }) {
  const now = useNow();
  const { point } = detail;
  const shown = shownValue(live);
  const words = qualityWords(live.quality, live.good);
  const delay = point.received && point.time ? point.received - point.time : null;
  const unit = formatUnit(point.unit);
  const never = shown.value === null;
  const bad = shown.kept || (never && !live.good);
  return (
    <section className={`panel point-now point-${words.class}`} aria-label="Present value">
      <div className="point-value-block">
        <p className="point-value" data-testid="point-value" data-value={String(shown.value)}>
          <ValueText point={live} states={detail.states ?? null} />
        </p>
        <p>
          <Quality quality={live.quality} good={live.good} long testId="point-quality" />
          {!unit && point.type === "f64" ? <span className="quiet"> no unit</span> : null}
        </p>
        {words.class !== "good" && (
          <p className="point-why">
            {words.text} {words.next && <b>Next step: {words.next}</b>}
          </p>
        )}
      </div>
      <Facts>
        <Fact name={<Term k="sourceTime">{shown.kept ? "Last good value measured" : "Measured (source time)"}</Term>}>
          {never ? (
            "never"
          ) : (
            <>
              {formatTime(shown.time, { now, millis: true })} {zoneName()}, <Age ms={shown.time} />
            </>
          )}
        </Fact>
        <Fact name={<Term k="receiveTime">{bad ? "Last found bad" : "Received by the gateway"}</Term>} tone={delay !== null && Math.abs(delay) > 5000 ? "attention" : "normal"}>
          {bad ? formatTime(point.received, { now, millis: true }) : delay === null ? "–" : delay < 0 ? `${ms(-delay)} before it was measured` : `${ms(delay)} later`}
        </Fact>
        {detail.range && (
          <Fact name="Expected range">
            {formatNumber(detail.range[0])} to {formatNumber(detail.range[1])} {unit}
          </Fact>
        )}
      </Facts>
      <WriteButton detail={detail} onWrite={onWrite} />
    </section>
  );
}

/** Shown only where the configuration makes a point writable; disabled with the reason where this person may not. */
function WriteButton({ detail, onWrite }: { detail: PointDetail; onWrite: () => void }) {
  if (!detail.writable) return <p className="quiet point-write">Read only: the configuration does not allow writing this point.</p>;
  const may = detail.may_write;
  return (
    <div className="point-write">
      <GatedButton why={may?.allowed ? null : may?.why || "The gateway does not allow you to write this point."} onClick={onWrite} className="primary">
        Write a value
      </GatedButton>
      <WriteRules detail={detail} />
    </div>
  );
}

/** What stands between a wish and a write here, beside the limits. */
function WriteRules({ detail }: { detail: PointDetail }) {
  const { write, lease } = detail;
  const interlock = write?.interlock;
  const rules = [
    write?.approval && (
      <li key="approval">
        <Term k="approval">A second person</Term> with the role {write.approval} or higher must agree.
      </li>
    ),
    interlock && (
      <li key="interlock" className={interlock.allows ? undefined : "why-not"}>
        <Term k="interlock" />: <code>{interlock.allow_if}</code> {interlock.allows ? "holds now." : `does not hold now${interlock.why ? `: ${interlock.why}` : ""}.`}{" "}
        {Object.entries(interlock.points).map(([name, path]) => (
          <span key={name}>
            {name} is <Link to={pointHref(path)}>{path}</Link>.{" "}
          </span>
        ))}
      </li>
    ),
    write?.rate && <li key="rate">At most {plural(write.rate.writes, "write")} in {formatDuration(write.rate.per_s)}.</li>,
    lease && (
      <li key="lease">
        <Term k="lease" /> below <Link to={namespaceHref(lease.path)}>{lease.path}</Link> is held by {lease.mine ? "you" : person(lease.holder)} until <Time ms={lease.until} />
        {lease.reason ? `: ${lease.reason}` : ""}.
      </li>
    ),
  ].filter(Boolean);
  return (
    <>
      {rules.length > 0 && <ul className="bullets">{rules}</ul>}
      <p className="small">
        <Link to={`/commands?path=${encodeURIComponent(detail.point.path)}`}>Commands to this point</Link>
      </p>
    </>
  );
}

function Downloads({ detail, view }: { detail: PointDetail; view: View }) {
  const link = (format: "csv" | "parquet") => {
    const { from, to } = windowOf(view, serverNow());
    return api.downloadUrl({ path: detail.point.path, from: Math.floor(from), to: Math.ceil(to), format });
  };
  return (
    <span className="actions">
      <span className="quiet">Samples of this window:</span>
      {(["csv", "parquet"] as const).map((format) => (
        <a key={format} className="button" href={link(format)} download onClick={(e) => (e.currentTarget.href = link(format))}>
          Download {format === "csv" ? "CSV" : "Parquet"}
        </a>
      ))}
    </span>
  );
}

function Raw({ detail, view, startOpen }: { detail: PointDetail; view: View; startOpen: boolean }) {
  // The table stands still while one reads it; a button takes the present window.
  const [window, setWindow] = useState<Window | null>(() => (startOpen ? windowOf({ span: 86_400_000, end: null }, serverNow()) : null));
  const take = () => setWindow(windowOf(view, serverNow()));
  return (
    <Panel
      title="Samples"
      id="samples"
      aside={
        <button type="button" aria-expanded={window !== null} onClick={take}>
          {window ? "Show the samples of the trend's window" : "Show samples as a table"}
        </button>
      }
    >
      {window ? <RawTable detail={detail} window={window} /> : <p className="quiet">Every sample of the window above, with both times and its quality.</p>}
    </Panel>
  );
}

/** The unit as people write it, and as it stands in the file where that differs. */
function unitText(unit: string | null | undefined): string {
  const shown = formatUnit(unit);
  if (!unit || !shown) return "no unit";
  return shown === unit ? unit : `${shown} (${unit} in the file)`;
}

function AboutPanel({ detail: d, byItself }: { detail: PointDetail; byItself: boolean }) {
  const asset = d.asset;
  return (
    <Panel title="Source, destinations, owners" id="about">
      {d.description && <p>{d.description}</p>}
      <Facts>
        <Fact name="Connection">{d.connection ? <Link to={`/connections?name=${encodeURIComponent(d.connection)}`}>{d.connection}</Link> : "none: made by the gateway itself"}</Fact>
        <Fact name="Device">{d.device ?? "–"}</Fact>
        <Fact name={<Term k="register">Address and type at the source</Term>}>{d.source ? <span className="mono">{d.source}</span> : "–"}</Fact>
        <Fact name={<Term k="scan" />}>{byItself ? "as it comes" : d.scan ? `every ${d.scan.replace(/(\d)([a-z])/i, "$1 $2")}` : "–"}</Fact>
        <Fact name="Type and unit">
          {d.point.type}, {unitText(d.point.unit)}
        </Fact>
        <Fact name={<Term k="destination">Goes to</Term>}>
          {d.destinations.length === 0
            ? "no destination selects it"
            : d.destinations.map((x) => (
                <div key={x.name}>
                  <Link to={`/destinations?name=${encodeURIComponent(x.name)}`}>{x.name}</Link> {x.kind} <Status state={x.state ?? null} />
                </div>
              ))}
        </Fact>
        <Fact name={<Term k="asset" />}>{asset ? <Link to={assetHref(asset.path)}>{asset.name || asset.path}</Link> : "none"}</Fact>
        <Fact name="Owner in the plant (OT)">{asset?.owner_ot ?? "not named"}</Fact>
        <Fact name="Owner in IT">{asset?.owner_it ?? "not named"}</Fact>
        <Fact name={<Term k="zone" />}>{asset?.zone ?? "–"}</Fact>
        <Fact name="History">
          {d.history?.first ? (
            <>
              <Time ms={d.history.first} /> to <Time ms={d.history.last} />
            </>
          ) : (
            "nothing recorded yet"
          )}
        </Fact>
        <Fact name="States">
          {d.states
            ? Object.entries(d.states)
                .map(([n, word]) => `${n} ${word}`)
                .join(", ")
            : "–"}
        </Fact>
        <Fact name="Permanent number">{d.id ?? "–"}</Fact>
      </Facts>
    </Panel>
  );
}
