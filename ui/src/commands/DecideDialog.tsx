import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { commands, type Command } from "../api/commands";
import { person } from "../format/who";
import { Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { ErrorBox } from "../parts/Messages";
import { useSession } from "../session";

export interface Decision {
  verb: "approve" | "deny" | "cancel";
  command: Command;
}

const WORDS = {
  approve: { title: "Approve this write?", action: "Approve: it is sent now" },
  deny: { title: "Deny this write?", action: "Deny it" },
  cancel: { title: "Cancel this write?", action: "Cancel the write" },
} as const;

/** The second look of the second person. */
export function DecideDialog({ decision, onClose }: { decision: Decision; onClose: () => void }) {
  const { command: c, verb } = decision;
  const { mode } = useSession();
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const needsReason = verb !== "cancel";
  const act = useMutation({
    mutationFn: () => (verb === "approve" ? commands.approve(c.id, reason.trim()) : verb === "deny" ? commands.deny(c.id, reason.trim()) : commands.cancel(c.id)),
    onSuccess: onClose,
    onSettled: () => client.invalidateQueries({ queryKey: ["commands"] }),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (!needsReason || reason.trim() !== "") act.mutate();
  };
  const unit = c.unit ? ` ${c.unit}` : "";
  return (
    <Dialog title={WORDS[verb].title} onClose={onClose} busy={act.isPending} testId="decide-dialog">
      <form onSubmit={submit} noValidate>
        <p className="mono quiet">{c.path}</p>
        <p className="write-change">
          <span className="write-old">
            {String(c.before ?? "not known")}
            {unit}
          </span>{" "}
          <span aria-hidden="true">→</span>
          <span className="visually-hidden">becomes</span>{" "}
          <span className="write-new">
            {String(c.value)}
            {unit}
          </span>
        </p>
        <p>
          Asked by <b>{person(c.who)}</b>
          {c.reason ? `: ${c.reason}` : ", without a reason."}
        </p>
        {verb === "approve" && <p>This changes {mode.simulated ? "a simulated device" : "the real machine"} at once. Both names stand in the audit log.</p>}
        {needsReason && (
          <Field label="Your reason" hint="Stands in the audit log beside your name." problem={tried && reason.trim() === "" ? "Give a reason." : null}>
            <input value={reason} maxLength={300} onChange={(e) => setReason(e.target.value)} />
          </Field>
        )}
        {act.error && <ErrorBox error={act.error} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={act.isPending}>
            {WORDS[verb].action}
          </button>
          <button type="button" disabled={act.isPending} onClick={onClose}>
            Back
          </button>
        </div>
      </form>
    </Dialog>
  );
}
