/** What is being written to machines, what was, who must still agree, and who holds the right to write where. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { commands } from "../api/commands";
import { CommandTable } from "../commands/CommandTable";
import { DecideDialog, type Decision } from "../commands/DecideDialog";
import { LeasesPanel } from "../commands/LeasesPanel";
import { Code, Empty, Guard } from "../parts/Messages";
import { Page, Panel } from "../parts/Page";
import { Term } from "../parts/Term";
import { Link, setSearch, useSearch } from "../router";
import { useSession } from "../session";
import { COMMANDS, FILES } from "../words/commands";

export function Commands() {
  const asked = useSearch().get("path") ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => {
    if (text === asked) return;
    const timer = setTimeout(() => setSearch({ path: text.trim() || null }), 250);
    return () => clearTimeout(timer);
  }, [text, asked]);
  const [decision, setDecision] = useState<Decision | null>(null);
  const open = useQuery({ queryKey: ["commands", "open", asked], queryFn: ({ signal }) => commands.list({ state: "open", path: asked }, { signal }), refetchInterval: 1000 });
  const done = useQuery({ queryKey: ["commands", "done", asked], queryFn: ({ signal }) => commands.list({ state: "done", path: asked, limit: 200 }, { signal }), refetchInterval: 2000 });
  const waiting = (open.data ?? []).filter((c) => c.state === "waiting");
  const moving = (open.data ?? []).filter((c) => c.state !== "waiting");
  return (
    <Page
      title="Commands"
      lead={
        <p>
          Every write to a machine, whoever asked for it. Each step is in the <Term k="audit">audit log</Term>.
        </p>
      }
    >
      <WritesOff />
      <div className="form-row filters" role="search" aria-label="Commands">
        <label>
          <span>
            Only below <span className="quiet">(key /)</span>
          </span>
          <input type="search" value={text} placeholder="acme/leeds/packaging/line-1" onChange={(e) => setText(e.target.value)} />
        </label>
      </div>
      <Guard query={open} what="commands in flight">
        {waiting.length > 0 && (
          <Panel title={<Term k="approval">Waiting for a second person</Term>} id="waiting">
            <CommandTable caption="Waiting for a second person" commands={waiting} onDecide={setDecision} />
          </Panel>
        )}
        <Panel title="On their way" id="open">
          {moving.length === 0 ? (
            <Empty title="Nothing is being written.">
              <p>
                A write starts on the page of a point that allows it: <Link to="/namespace">choose it in the namespace</Link>.
              </p>
            </Empty>
          ) : (
            <CommandTable caption="On their way" commands={moving} onDecide={setDecision} />
          )}
        </Panel>
      </Guard>
      <LeasesPanel prefix={asked} />
      <Panel title="Past commands" id="past" aside={<Link to="/events?kind=change">Older ones: events</Link>}>
        <Guard query={done} what="past commands">
          {done.data?.length === 0 ? (
            <Empty title={asked ? "No command below this path since the gateway was started." : "No command since the gateway was started."}>
              <p>
                Older ones are <Link to="/events?search=command">events</Link> and <Link to="/audit?search=command">audit records</Link>.
              </p>
            </Empty>
          ) : (
            <CommandTable caption="Past commands" commands={done.data ?? []} past />
          )}
        </Guard>
      </Panel>
      {decision && <DecideDialog decision={decision} onClose={() => setDecision(null)} />}
    </Page>
  );
}

/** READ-ONLY is the normal state of a new plant: said plainly, with the way out of it. */
function WritesOff() {
  const { mode } = useSession();
  if (mode.writes === "on") return null;
  return (
    <div className="notice" data-testid="writes-off">
      <p>
        <b>Writing is off:</b> no command reaches a machine, whoever asks. To turn it on, set <code>writes = &quot;on&quot;</code> in <code>{FILES.plant}</code> on the
        machine itself and apply it there:
      </p>
      <Code>{COMMANDS.apply}</Code>
    </div>
  );
}

