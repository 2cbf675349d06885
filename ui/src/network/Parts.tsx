/** Small parts that the pages about the network share. */
import type { ReactNode } from "react";
import type { Finding, Monitor } from "../api/monitor";
import { severityWords } from "../format/severity";
import { Code, Empty, Guard } from "../parts/Messages";
import { Prose } from "../parts/Prose";
import { Status } from "../parts/Status";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { Link, seenAssetHref, usePathname } from "../router";
import { SAMPLES } from "../words/commands";
import { useMonitor, useProtocols } from "./useMonitor";
import { INTERFACE } from "./words";

/** Letters of another direction stay inside. */
export const Foreign = ({ children }: { children: string }) => <bdi>{children}</bdi>;

/** An address with its name in front. Groups ("everybody") have no page. */
export function AssetName({ id, name }: { id: string; name?: string | null | undefined }) {
  if (id === "") return <span className="quiet">–</span>;
  const text = (
    <>
      {name && name !== id ? <Foreign>{name}</Foreign> : null} <span className="mono">{id}</span>
    </>
  );
  return id.includes("(") ? text : <Link to={seenAssetHref(id)}>{text}</Link>;
}

/** Several addresses; more than six are counted. */
export function AssetNames({ ids, names }: { ids: string[]; names?: Map<string, string> | undefined }) {
  if (ids.length === 0) return <span className="quiet">nobody</span>;
  return (
    <>
      {ids.slice(0, 6).map((id, i) => (
        <span key={id}>
          {i > 0 ? ", " : ""}
          <AssetName id={id} name={names?.get(id)} />
        </span>
      ))}
      {ids.length > 6 && <span className="quiet"> and {ids.length - 6} more</span>}
    </>
  );
}

export function Protocols({ keys }: { keys: string[] }) {
  const { name } = useProtocols();
  return keys.length === 0 ? <span className="quiet">–</span> : <>{keys.map(name).join(", ")}</>;
}

/** How urgent a finding is; what is seen to by somebody is calm. */
export function FindingSeverity({ finding: f }: { finding: Pick<Finding, "severity" | "state"> }) {
  const words = severityWords(f.severity);
  return (
    <span title={`Severity ${f.severity} of 1000`}>
      <Status tone={f.state === "open" ? words.level : "normal"}>{words.word}</Status>
    </span>
  );
}

export function Worst({ findings, worst }: { findings: number; worst?: number | null | undefined }) {
  if (findings === 0) return <span className="quiet">none open</span>;
  const words = severityWords(worst ?? 0);
  return (
    <>
      <Status tone={words.level}>{words.word}</Status>
      {findings > 1 ? ` ${findings}` : ""}
    </>
  );
}

/** How a monitor is set up, in the words of the gateway, and what to write. */
function SetUp({ monitor: m }: { monitor: Monitor }) {
  // Without an interface the steps below say what is next.
  const first = m.interfaces.length === 0;
  return (
    <Empty title={m.why ?? "The network monitor is not set up."}>
      {m.next && !first && (
        <p>
          <Prose>{m.next}</Prose>
        </p>
      )}
      <details open={first}>
        <summary>How the monitor gets to see the network</summary>
        <ol className="steps-to-do">
          <li>
            Let the switch copy its traffic to one port (<Term k="mirror">mirror port</Term>), both directions, and connect that port to this machine.
          </li>
          <li>
            Name the interface in <code>ironbridge.toml</code> and start Ironbridge again. Nothing is ever sent there.
            <Code>{SAMPLES.monitor}</Code>
          </li>
          <li>
            The program needs one right, to read packets; it does not run as root. The packaged service has it; by hand:
            <Code>{SAMPLES.capability}</Code>
          </li>
        </ol>
      </details>
      <p>
        Without a mirror port: <code>ironbridge watch FILE</code> reads <Term k="packet">packets</Term> that somebody has captured.
      </p>
    </Empty>
  );
}

/** What the monitor sees at the moment, above every page that speaks of the network: no list is better than what was seen. */
export function CoverageNote({ monitor: m }: { monitor: Monitor }) {
  const here = usePathname();
  const trouble = m.interfaces.filter((i) => i.state !== "up" && i.state !== "starting");
  if (!m.on) {
    return (
      <p className="notice" data-testid="coverage">
        <b>The monitor is off:</b> <Prose>{m.why ?? "it is not set up."}</Prose> What stands here was seen before.
      </p>
    );
  }
  return (
    <div className="coverage" data-testid="coverage">
      <p>
        <Term k="coverage" />: {m.sentence.replace(/\.$/, "")}. {here !== "/monitor" && <Link to="/monitor">More on the monitor</Link>}
      </p>
      {trouble.map((i) => (
        <p key={i.name}>
          <Status tone="alarm">{`${i.name}: ${INTERFACE[i.state].text}`}</Status> <Prose>{i.why}</Prose>
        </p>
      ))}
      {m.not_seen.length > 0 && (
        <details>
          <summary>What was not seen</summary>
          <ul className="bullets">
            {m.not_seen.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

/** The frame of pages about the network: what the monitor sees, then the page; or how to begin. `empty`: the page has nothing from before either. */
export function WithMonitor({ empty, children }: { empty: boolean; children: (monitor: Monitor) => ReactNode }) {
  const q = useMonitor();
  return (
    <Guard query={q} what="the monitor">
      {q.data && (!q.data.on && empty ? <SetUp monitor={q.data} /> : <><CoverageNote monitor={q.data} />{children(q.data)}</>)}
    </Guard>
  );
}

/** Links and data are counted over restarts. */
export function Counted({ what }: { what: string }) {
  const since = useMonitor().data?.counted_since;
  return (
    <span className="quiet">
      {what}, counted since <Time ms={since} />
    </span>
  );
}
