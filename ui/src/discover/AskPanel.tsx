import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { discovery, type Ask } from "../api/discover";
import { Field } from "../parts/Field";
import { ErrorBox, Guard } from "../parts/Messages";
import { Panel } from "../parts/Page";
import { Prose } from "../parts/Prose";
import { askOf, askProblems, EMPTY_ASK, type AskForm } from "./ask";

/** What was typed outlives a visit to another page. */
let kept: AskForm | null = null;

export function AskPanel({ busy, error, onAsk }: { busy: boolean; error: unknown; onAsk: (ask: Ask) => void }) {
  const q = useQuery({ queryKey: ["discover-protocols"], queryFn: ({ signal }) => discovery.protocols({ signal }), staleTime: 300_000 });
  const all = q.data?.protocols ?? [];
  const names = all.map((p) => p.name);
  const [form, setForm] = useState(kept ?? EMPTY_ASK);
  const [touched, setTouched] = useState(kept !== null);
  const [tried, setTried] = useState(false);
  const shown = touched ? form : { ...form, protocols: names };
  const change = (part: Partial<AskForm>) => {
    kept = { ...shown, ...part };
    setTouched(true);
    setForm(kept);
  };
  const problems = askProblems(shown);
  const problem = (key: keyof AskForm) => (tried ? (problems[key] ?? null) : null);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (Object.keys(problems).length === 0) onAsk(askOf(shown, names));
  };
  const text = (key: "interface" | "listen_s" | "ports" | "units" | "at_once" | "timeout_ms" | "pause_ms", label: string, hint: string) => (
    <Field label={label} hint={hint} problem={problem(key)}>
      <input inputMode={key === "ports" || key === "interface" ? "text" : "numeric"} value={shown[key]} onChange={(e) => change({ [key]: e.target.value })} />
    </Field>
  );
  return (
    <Panel title="Where to look" id="ask">
      <Guard query={q} what="what can be found">
        <form className="stack" onSubmit={submit} noValidate>
          <Field
            label="Addresses"
            hint="One per line: 10.20.1.0/24, 10.20.1.10-40, one address or name. The word neighbours means the addresses this machine has talked to already."
            problem={problem("targets")}
          >
            <textarea rows={3} className="mono" spellCheck={false} value={shown.targets} onChange={(e) => change({ targets: e.target.value })} />
          </Field>
          <Field label="Leave out" hint="Same forms. What a connection talks to already is left out by itself." problem={problem("exclude")}>
            <input className="mono" spellCheck={false} value={shown.exclude} onChange={(e) => change({ exclude: e.target.value })} />
          </Field>
          <fieldset>
            <legend>Protocols</legend>
            {problem("protocols") && <p className="problem">{problem("protocols")}</p>}
            <ul className="ticks">
              {all.map((p) => (
                <li key={p.name}>
                  <label className="check">
                    <input
                      type="checkbox"
                      checked={shown.protocols.includes(p.name)}
                      onChange={(e) => change({ protocols: names.filter((n) => (n === p.name ? e.target.checked : shown.protocols.includes(n))) })}
                    />
                    {p.title}
                    <span className="quiet">
                      {p.transport} {p.port}
                    </span>
                  </label>
                  <p className="hint">
                    <Prose>{p.asks}</Prose>
                  </p>
                </li>
              ))}
            </ul>
          </fieldset>
          <details>
            <summary>Other ports, and how gently</summary>
            <div className="form-row">
              {text("ports", "Other ports", "E.g. modbus 1502, modbus 1503")}
              {text("units", "Modbus unit ids", "Empty: 1 and 255 only. A serial gateway's bus is slow.")}
              {text("interface", "Network interface", "E.g. eth0: everybody on its cable is asked at once (PROFINET, BACnet, EtherNet/IP: one packet each). Empty: nobody.")}
              {text("listen_s", "Listen there for (s)", "3 to 120. Switches say every 30 s who they are (LLDP).")}
              {text("at_once", "Addresses at once", "1 to 64; each gets one question at a time.")}
              {text("timeout_ms", "Wait for an answer (ms)", "100 to 10,000")}
              {text("pause_ms", "Pause between questions (ms)", "0 to 10,000, to one address")}
            </div>
          </details>
          {error ? <ErrorBox error={error} /> : null}
          <div className="actions">
            <button type="submit" className="primary" disabled={busy}>
              Show what it would send
            </button>
            <span className="quiet">Nothing is sent yet.</span>
          </div>
        </form>
      </Guard>
    </Panel>
  );
}
