import { Page } from "../parts/Page";
import { useSession } from "../session";
import { PeoplePanel } from "./UsersPeople";
import { SecretsPanel } from "./UsersSecrets";
import { TokensPanel } from "./UsersTokens";

/** Three kinds of access on one page: people, programs, and what the gateway itself needs elsewhere. */
export function Users() {
  const { user } = useSession();
  return (
    <Page title="Users, tokens, secrets" lead={<p>You are signed in as {user.name}, {user.role}.</p>}>
      <PeoplePanel />
      <TokensPanel />
      <SecretsPanel />
    </Page>
  );
}
