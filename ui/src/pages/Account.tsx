import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api } from "../api/client";
import { passwordProblem } from "../format/password";
import { Field } from "../parts/Field";
import { ErrorBox } from "../parts/Messages";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { ROLE_TEXT, useSession, useSignOut } from "../session";
import { useSize, useTheme, type Size, type Theme } from "../settings";
import { zoneName } from "../format/time";

export function Account() {
  const { user } = useSession();
  const signOut = useMutation({ mutationFn: useSignOut() });
  return (
    <Page title="Account and display">
      <Panel title="You" id="you">
        <Facts>
          <Fact name="Name">{user.name}</Fact>
          <Fact name="Role">
            {user.role}: {ROLE_TEXT[user.role]}
          </Fact>
        </Facts>
        {signOut.error && <ErrorBox error={signOut.error} />}
        <div className="actions">
          <button type="button" onClick={() => signOut.mutate()} disabled={signOut.isPending}>
            Sign out
          </button>
        </div>
      </Panel>
      <Display />
      <Password name={user.name} />
    </Page>
  );
}

function Display() {
  const [theme, setTheme] = useTheme();
  const [size, setSize] = useSize();
  return (
    <Panel title="Display in this browser" id="display">
      <div className="form-row">
        <Field label="Colours">
          <select value={theme} onChange={(e) => setTheme(e.target.value as Theme)}>
            <option value="auto">As the system</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </Field>
        <Field label="Size" hint="Wall is readable from 3 m.">
          <select value={size} onChange={(e) => setSize(e.target.value as Size)}>
            <option value="normal">Desk</option>
            <option value="wall">Wall</option>
          </select>
        </Field>
      </div>
      <p className="hint">Times are shown in the zone of this computer: {zoneName()}.</p>
      <p className="hint">Keys: / searches; arrow keys move in the tree; + and − zoom a trend, arrow keys move it, L follows live values.</p>
    </Panel>
  );
}

function Password({ name }: { name: string }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const change = useMutation({
    mutationFn: () => api.changePassword(current, next),
    onSuccess: () => {
      setCurrent("");
      setNext("");
      setAgain("");
      setTried(false);
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
    <Panel title="Password" id="password">
      <form className="narrow-form" onSubmit={submit}>
        <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
        <Field label="Current password" hint="Leave empty if you came by a one-time link.">
          <input type="password" autoComplete="current-password" value={current} onChange={(e) => setCurrent(e.target.value)} />
        </Field>
        <Field label="New password" hint="At least 10 characters. Four unrelated words are a good one." problem={tried ? problem : null}>
          <input type="password" autoComplete="new-password" required value={next} onChange={(e) => setNext(e.target.value)} />
        </Field>
        <Field label="New password again" problem={tried ? differs : null}>
          <input type="password" autoComplete="new-password" required value={again} onChange={(e) => setAgain(e.target.value)} />
        </Field>
        {change.error && <ErrorBox error={change.error} />}
        {change.isSuccess && <p role="status">The password is changed.</p>}
        <div className="actions">
          <button type="submit" className="primary" disabled={change.isPending}>
            Change password
          </button>
        </div>
      </form>
    </Panel>
  );
}
