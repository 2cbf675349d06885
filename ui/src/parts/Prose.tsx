/** Words of the gateway: what stands between backticks is something to type or to look up, and is shown as such. */
import { Fragment, type ReactNode } from "react";
import { proseParts } from "../format/prose";

export function Prose({ children }: { children: string | null | undefined }): ReactNode {
  return proseParts(children ?? "").map((part, i) => (part.code ? <code key={i}>{part.text}</code> : <Fragment key={i}>{part.text}</Fragment>));
}
