/** Writing one value: what, why, a second look at old and new, and an honest outcome. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api } from "../api/client";
import { newId } from "../api/id";
import type { PointDetail, PointLive, Value, WriteResult } from "../api/types";
import { formatUnit } from "../format/unit";
import { formatValue, shownValue } from "../format/value";
import { Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { ErrorBox } from "../parts/Messages";
import { Quality } from "../parts/Quality";
import { Term } from "../parts/Term";
import { useSession } from "../session";
import { OutcomeText } from "./OutcomeText";
import { checkWrite, confirmText, limitsText } from "./writeCheck";

const TTL_MS = 10_000;

export function WriteDialog({ detail, live, onClose }: { detail: PointDetail; live: PointLive; onClose: () => void }) {
  const { mode } = useSession();
  const client = useQueryClient();
  const { point } = detail;
  const present = shownValue(live);
  const unit = formatUnit(point.unit);
  const approval = detail.write?.approval;
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [review, setReview] = useState(false);
  const [sent, setSent] = useState<{ id: string; before: Value } | null>(null);
  const show = (v: Value | undefined) => `${formatValue(v, point.type, detail.states)}${unit && v !== null && v !== undefined ? ` ${unit}` : ""}`;
  const checked = checkWrite(text, point.type, detail.write, present.value, unit);

  const write = useMutation<WriteResult, unknown, { id: string }>({
    mutationFn: ({ id }) => api.writePoint({ id, path: point.path, value: checked.value, reason: reason.trim(), ...(approval ? {} : { ttl_ms: TTL_MS }) }),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["point", point.path] });
      void client.invalidateQueries({ queryKey: ["audit"] });
    },
  });
  const next = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (checked.problem === null && reason.trim() !== "") setReview(true);
  };
  const go = () => {
    // One id for this command: should the request be repeated on the way, the gateway carries it out once.
    const id = sent?.id ?? newId();
    setSent({ id, before: present.value });
    write.mutate({ id });
  };

  const target = mode.simulated ? "a simulated device" : "the real machine";
  return (
    <Dialog title={`Write ${point.name || point.path}`} onClose={onClose} testId="write-dialog" busy={write.isPending}>
      <p className="mono quiet">{point.path}</p>
      {write.data || write.error ? (
        <>
          {write.data ? <OutcomeText result={write.data} show={show} value={checked.value} before={sent?.before ?? null} /> : <ErrorBox error={write.error} />}
          <div className="actions">
            <button type="button" className="primary" onClick={onClose}>
              Close
            </button>
          </div>
        </>
      ) : review ? (
        <>
          <p className="write-change" data-testid="write-change">
            <span className="write-old">{show(present.value)}</span> <span aria-hidden="true">→</span>
            <span className="visually-hidden">becomes</span> <span className="write-new">{show(checked.value)}</span>
          </p>
          {!live.good && (
            <p>
              The present value is not Good (<Quality quality={live.quality} good={live.good} />
              ): it may be something else by now.
            </p>
          )}
          <p>
            This changes {target}. {limitsText(detail.write, unit)} {confirmText(detail.write)}
          </p>
          <p>
            Reason for the audit log: <b>{reason.trim()}</b>
          </p>
          <p className="hint">
            {approval ? (
              <Term k="approval">Somebody else with the role {approval} or higher must approve it within 15 minutes.</Term>
            ) : (
              <Term k="ttl">If it cannot be carried out within {TTL_MS / 1000} s, it is dropped.</Term>
            )}
          </p>
          <div className="actions">
            <button type="button" className="primary" disabled={write.isPending} onClick={go}>
              {write.isPending ? "Writing …" : `${approval ? "Ask to write" : "Write"} ${show(checked.value)}`}
            </button>
            <button type="button" disabled={write.isPending} onClick={() => setReview(false)}>
              Back
            </button>
            <button type="button" disabled={write.isPending} onClick={onClose}>
              Cancel
            </button>
          </div>
        </>
      ) : (
        <form onSubmit={next} noValidate>
          <p>
            Now: <b>{show(present.value)}</b> <Quality quality={live.quality} good={live.good} />
          </p>
          <Field label={unit ? `New value (${unit})` : "New value"} hint={limitsText(detail.write, unit)} problem={tried ? checked.problem : null}>
            <ValueInput detail={detail} text={text} onText={setText} />
          </Field>
          <Field label="Reason" hint="Stands in the audit log beside your name." problem={tried && reason.trim() === "" ? "Give a reason." : null}>
            <input value={reason} maxLength={300} onChange={(e) => setReason(e.target.value)} />
          </Field>
          <div className="actions">
            <button type="submit" className="primary">
              Review
            </button>
            <button type="button" onClick={onClose}>
              Cancel
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** Passes on what Field gives it (id, description) to the one real input. */
function ValueInput({ detail, text, onText, ...rest }: { detail: PointDetail; text: string; onText: (t: string) => void }) {
  const { type } = detail.point;
  const states = Object.entries(detail.states ?? {});
  if (type === "bool" || states.length > 0) {
    const choices: [string, string][] =
      type === "bool" ? [["false", detail.states?.["0"] ?? "false"], ["true", detail.states?.["1"] ?? "true"]] : states;
    return (
      <select {...rest} value={text} onChange={(e) => onText(e.target.value)}>
        <option value="">Choose …</option>
        {choices.map(([value, word]) => (
          <option key={value} value={value}>
            {word === value ? word : `${word} (${value})`}
          </option>
        ))}
      </select>
    );
  }
  return <input {...rest} autoFocus inputMode={type === "text" ? "text" : "decimal"} autoComplete="off" value={text} onChange={(e) => onText(e.target.value)} />;
}
