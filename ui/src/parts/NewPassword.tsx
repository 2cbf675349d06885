/** The form for a new password. Right after a link the old one is not asked for: who needs a link has none to tell. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api } from "../api/client";
import type { Session } from "../api/types";
import { passwordProblem } from "../format/password";
import { SESSION_KEY } from "../session";
import { Field } from "./Field";
import { ErrorBox } from "./Messages";

export function NewPassword({ session, onDone }: { session: Session; onDone?: () => void }) {
  const client = useQueryClient();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const name = session.user.name;
  const byLink = session.may_set_password === true;
  const change = useMutation({
    mutationFn: () => api.changePassword(byLink ? "" : current, next),
    onSuccess: async () => {
      setCurrent("");
      setNext("");
      setAgain("");
      setTried(false);
      await client.invalidateQueries({ queryKey: SESSION_KEY });
      onDone?.();
    },
  });
  const problem = passwordProblem(next, name);
  const differs = next !== again ? "The two passwords differ." : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (!problem && !differs) change.mutate();
  };
  return (
    <form className="narrow-form" onSubmit={submit}>
      <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
      {!byLink && (
        <Field label="Current password">
          <input type="password" autoComplete="current-password" required value={current} onChange={(e) => setCurrent(e.target.value)} />
        </Field>
      )}
      <Field label="New password" hint="At least 10 characters. Four unrelated words are a good one." problem={tried ? problem : null}>
        <input type="password" autoComplete="new-password" required value={next} onChange={(e) => setNext(e.target.value)} />
      </Field>
      <Field label="New password again" problem={tried ? differs : null}>
        <input type="password" autoComplete="new-password" required value={again} onChange={(e) => setAgain(e.target.value)} />
      </Field>
      {change.error && <ErrorBox error={change.error} />}
      {change.isSuccess && <p role="status">The password is set.</p>}
      <div className="actions">
        <button type="submit" className="primary" disabled={change.isPending}>
          {byLink ? "Set the password" : "Change the password"}
        </button>
      </div>
    </form>
  );
}
