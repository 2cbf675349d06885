import { useMutation } from "@tanstack/react-query";
import { Field } from "../parts/Field";
import { ErrorBox } from "../parts/Messages";
import { NewPassword } from "../parts/NewPassword";
import { Fact, Facts, Page, Panel } from "../parts/Page";
import { ROLE_TEXT, useSession, useSignOut } from "../session";
import { useSize, useTheme, type Size, type Theme } from "../settings";
import { zoneName } from "../format/time";

export function Account() {
  const session = useSession();
  const { user } = session;
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
      <Panel title="Password" id="password">
        <NewPassword session={session} />
      </Panel>
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
