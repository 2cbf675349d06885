/** What an empty list says: how the first file of a sort is made, on a page and by hand. */
import type { ReactNode } from "react";
import type { FileKind } from "../api/config";
import { Link } from "../router";
import { atLeast, useSession } from "../session";
import { COMMANDS, FILES, SAMPLES } from "../words/commands";
import { Code, Empty } from "./Messages";

const WORDS = {
  connection: { add: "Add a connection", before: "" },
  destination: { add: "Add a destination", before: `${COMMANDS.setSecret}\n` },
  asset: { add: "Add an asset", before: "" },
};

export function FirstFile({ sort, title, children }: { sort: Exclude<FileKind["sort"], "type">; title: string; children?: ReactNode }) {
  const { user } = useSession();
  const { add, before } = WORDS[sort];
  const href = `/configuration?add=${sort}`;
  return (
    <Empty title={title}>
      {children}
      {atLeast(user.role, "engineer") ? (
        <p>
          <Link to={href}>{add}</Link> on the page Configuration: it begins with a sample, is checked before it is saved, and takes effect when you apply it.
          {sort === "connection" && (
            <>
              {" "}
              Or <Link to="/discover">find your devices</Link> and take over their drafts.
            </>
          )}
        </p>
      ) : (
        <p>An engineer can add one on the page Configuration.</p>
      )}
      <details>
        <summary>By hand, on the machine</summary>
        <p>
          Write a file <code>{FILES[sort]}</code> in the plant folder, then let it be checked and taken over. Nothing else stops while you do.
        </p>
        <Code>{SAMPLES[sort]}</Code>
        <Code>{`${before}${COMMANDS.check}\n${COMMANDS.apply}`}</Code>
      </details>
    </Empty>
  );
}
