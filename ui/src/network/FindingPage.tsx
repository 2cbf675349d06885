/** One finding: what happened, what it means, what to check next, and the packets that show it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { monitor, type Finding } from "../api/monitor";
import { formatBytes, plural } from "../format/number";
import { toLocalInput, zoneName } from "../format/time";
import { person } from "../format/who";
import { serverNow } from "../live/clock";
import { Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { GatedButton } from "../parts/Gate";
import { ErrorBox, Guard } from "../parts/Messages";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { Table } from "../parts/Table";
import { Term } from "../parts/Term";
import { Time } from "../parts/Time";
import { Link, pointHref } from "../router";
import { useWhyNot } from "../session";
import { StateOf } from "./FindingTable";
import { muteOf } from "./form";
import { AssetName, FindingSeverity, Foreign, WithMonitor } from "./Parts";
import { packetName } from "./SeenAsset";
import { COUNTS_MS, useProtocols, useRenewal } from "./useMonitor";

export function FindingPage({ id }: { id: string }) {
  useRenewal("findings");
  const q = useQuery({ queryKey: ["monitor-lists", "finding", id], queryFn: ({ signal }) => monitor.finding(id, { signal }), refetchInterval: COUNTS_MS });
  return (
    <Page
      title={q.data?.title ?? id}
      lead={
        <p>
          <Link to="/findings">Findings</Link>: <span className="mono">{id}</span>
        </p>
      }
    >
      <WithMonitor empty={false}>
        {() => (
          <Guard query={q} what="the finding">
            {q.data && <Body finding={q.data} />}
          </Guard>
        )}
      </WithMonitor>
    </Page>
  );
}

function Body({ finding: f }: { finding: Finding }) {
  const { name } = useProtocols();
  return (
    <>
      <Panel title="What happened" id="happened" aside={<Actions finding={f} />}>
        <p className="plan-sentence">
          <AssetName id={f.source} name={f.source_name} /> {f.target && f.target !== f.source && <>to <AssetName id={f.target} name={f.target_name} /></>}
        </p>
        {f.details.length > 0 && (
          <ul className="bullets">
            {f.details.map((d) => (
              <li key={d}>
                <Foreign>{d}</Foreign>
              </li>
            ))}
          </ul>
        )}
        <Facts>
          <Fact name={<Term k="severity" />}>
            <FindingSeverity finding={f} /> <span className="quiet">{f.severity} of 1000</span>
          </Fact>
          <Fact name="State">
            <span data-testid="finding-state" data-state={f.state}>
              <StateOf finding={f} />
            </span>
          </Fact>
          <Fact name="How often">{plural(f.count, "time")}</Fact>
          <Fact name="First">
            <Time ms={f.first} age millis />
          </Fact>
          <Fact name="Last">
            <Time ms={f.last} age millis />
          </Fact>
          {f.protocol && <Fact name="Protocol">{name(f.protocol)}</Fact>}
          {f.path && (
            <Fact name="Point">
              <Link to={pointHref(f.path)}>{f.path}</Link>
            </Fact>
          )}
          {f.window && (
            <Fact name={<Term k="workWindow" />}>
              <Link to="/monitor">{f.window}</Link>
            </Fact>
          )}
          <Fact name={<Term k="attack" />}>
            {f.techniques.length === 0
              ? "none"
              : f.techniques.map((t) => (
                  <div key={t.id}>
                    {t.id} {t.name}
                    {t.was ? <span className="quiet"> (before: {t.was})</span> : null}
                  </div>
                ))}
          </Fact>
          <Fact name="Detection">
            <span className="mono">{f.rule}</span>
          </Fact>
        </Facts>
        {f.muted?.note && (
          <p className="notice">
            Muted by {person(f.muted.by)} until <Time ms={f.muted.until} />: {f.muted.note}
          </p>
        )}
      </Panel>
      <Panel title="What it means" id="meaning">
        <p>
          <Prose>{f.meaning}</Prose>
        </p>
        {f.next && (
          <p>
            <b>Next step:</b> <Prose>{f.next}</Prose>
          </p>
        )}
      </Panel>
      <Packets finding={f} />
      <History finding={f} />
    </>
  );
}

function Packets({ finding: f }: { finding: Finding }) {
  const why = useWhyNot("engineer", "download packets: they hold what was said on the network");
  const kept = f.packets ?? 0;
  const url = monitor.packetsUrl(f.id);
  return (
    <Panel
      title="The packets that show it"
      id="packets"
      aside={
        kept > 0 &&
        (why === null ? (
          <a className="button" href={url} download={`${f.id}.pcap`} data-testid="packets">
            Download {plural(kept, "packet")} ({formatBytes(f.packet_bytes)}, pcap)
          </a>
        ) : (
          <GatedButton why={why} onClick={() => undefined}>
            Download {plural(kept, "packet")}
          </GatedButton>
        ))
      }
    >
      {f.evidence.length === 0 ? (
        <p>No single packet shows it.</p>
      ) : (
        <ul className="bullets">
          {f.evidence.map((e) => (
            <li key={`${e.interface}/${e.packet}`}>{packetName(e)}</li>
          ))}
        </ul>
      )}
      <p className="hint">
        {kept > 0
          ? "The file holds these packets and some before and after them of the same conversation; Wireshark opens it. A download is recorded in the audit log."
          : "No packets are kept any more: the room for evidence is limited, and the oldest makes way. The numbers count from when the interface was opened."}
      </p>
    </Panel>
  );
}

const DONE: Record<string, string> = { opened: "found", acknowledged: "acknowledged", muted: "muted", unmuted: "no longer muted", closed: "closed", reopened: "happened again, opened" };

function History({ finding: f }: { finding: Finding }) {
  if (f.history.length === 0) return null;
  return (
    <Panel title="What was done about it" id="history">
      <Table
        caption="What was done about it"
        rows={f.history.toReversed()}
        rowKey={(h) => `${h.at ?? 0} ${h.what}`}
        columns={[
          { head: "When", label: "When", cell: (h) => <Time ms={h.at} age /> },
          { head: "What", label: "What", cell: (h) => DONE[h.what] ?? h.what },
          { head: "By", label: "By", cell: (h) => (h.by === "monitor" ? "the monitor" : person(h.by)) },
          { head: "Note", label: "Note", wide: true, cell: (h) => h.note ?? "" },
        ]}
      />
    </Panel>
  );
}

type Act = "acknowledge" | "close" | "mute";

function Actions({ finding: f }: { finding: Finding }) {
  const client = useQueryClient();
  const operator = useWhyNot("operator", "acknowledge and close findings");
  const engineer = useWhyNot("engineer", "mute findings");
  const [open, setOpen] = useState<Act | null>(null);
  const renew = () => client.invalidateQueries({ queryKey: ["monitor-lists"] });
  const unmute = useMutation({ mutationFn: () => monitor.unmute(f.id), onSettled: renew });
  if (f.state === "closed") return null;
  return (
    <div className="actions">
      {f.state === "open" && (
        <GatedButton why={operator} className="primary" onClick={() => setOpen("acknowledge")}>
          Acknowledge
        </GatedButton>
      )}
      <GatedButton why={operator} quietReason onClick={() => setOpen("close")}>
        Close
      </GatedButton>
      {f.state === "muted" ? (
        <GatedButton why={engineer} quietReason onClick={() => unmute.mutate()}>
          Unmute
        </GatedButton>
      ) : (
        <GatedButton why={engineer} quietReason onClick={() => setOpen("mute")}>
          Mute
        </GatedButton>
      )}
      {unmute.error && <ErrorBox error={unmute.error} />}
      {open === "mute" && <MuteDialog finding={f} onClose={() => setOpen(null)} onDone={renew} />}
      {open && open !== "mute" && <NoteDialog act={open} finding={f} onClose={() => setOpen(null)} onDone={renew} />}
    </div>
  );
}

const WORDS = {
  acknowledge: { title: "Acknowledge this finding?", text: "It says: seen, somebody works on it. It stays acknowledged while the same goes on.", action: "Acknowledge", needed: false },
  close: { title: "Close this finding?", text: "It says: dealt with. A new case opens it again.", action: "Close it", needed: true },
};

interface DialogProps {
  finding: Finding;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

function NoteDialog({ act, finding, onClose, onDone }: DialogProps & { act: "acknowledge" | "close" }) {
  const words = WORDS[act];
  const [note, setNote] = useState("");
  const [tried, setTried] = useState(false);
  const run = useMutation({
    mutationFn: () => monitor[act](finding.id, note.trim()),
    onSuccess: async () => {
      await onDone();
      onClose();
    },
  });
  const problem = words.needed && note.trim() === "" ? "Say what it was: who reads it later must understand." : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (!problem) run.mutate();
  };
  return (
    <Dialog title={words.title} onClose={onClose} busy={run.isPending}>
      <p>{words.text}</p>
      <form onSubmit={submit}>
        <Field label={words.needed ? "Note" : "Note (may be empty)"} problem={tried ? problem : null}>
          <textarea rows={3} maxLength={2000} value={note} onChange={(e) => setNote(e.target.value)} />
        </Field>
        {run.error && <ErrorBox error={run.error} />}
        <DialogActions action={words.action} busy={run.isPending} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function MuteDialog({ finding, onClose, onDone }: DialogProps) {
  const [form, setForm] = useState({ reason: "", until: toLocalInput(serverNow() + 30 * 86_400_000).slice(0, 16) });
  const [tried, setTried] = useState(false);
  const { reason, until, problems } = muteOf(form, serverNow());
  const run = useMutation({
    mutationFn: () => monitor.mute(finding.id, reason, until),
    onSuccess: async () => {
      await onDone();
      onClose();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (Object.keys(problems).length === 0) run.mutate();
  };
  return (
    <Dialog title="Mute this finding?" onClose={onClose} busy={run.isPending} testId="mute-dialog">
      <p>It raises no alarm until then, for these two assets and this detection only. It is counted and its packets are kept as before.</p>
      <form onSubmit={submit}>
        <Field label="Reason" problem={tried ? (problems.reason ?? null) : null}>
          <textarea rows={3} maxLength={2000} value={form.reason} onChange={(e) => setForm({ ...form, reason: e.target.value })} />
        </Field>
        <Field label={`Until (${zoneName(serverNow())})`} problem={tried ? (problems.until ?? null) : null}>
          <input type="datetime-local" value={form.until} onChange={(e) => setForm({ ...form, until: e.target.value })} />
        </Field>
        {run.error && <ErrorBox error={run.error} />}
        <DialogActions action="Mute it" busy={run.isPending} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function DialogActions({ action, busy, onClose }: { action: string; busy: boolean; onClose: () => void }) {
  return (
    <div className="actions">
      <button type="submit" className="primary" disabled={busy}>
        {action}
      </button>
      <button type="button" disabled={busy} onClick={onClose}>
        Cancel
      </button>
    </div>
  );
}
