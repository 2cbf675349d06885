/** What became of a write, in words that do not promise more than is known. */
import type { Value, WriteResult } from "../api/types";
import { formatDuration } from "../format/time";
import { Prose } from "../parts/Prose";
import { Link } from "../router";

const WORDS: Record<WriteResult["outcome"], { tone: "normal" | "attention" | "alarm"; what: (value: string, readback: string) => string; next: string }> = {
  Confirmed: { tone: "normal", what: (value, readback) => `The device took ${value}, and ${readback} was read back from it.`, next: "" },
  Accepted: {
    tone: "normal",
    what: (value) => `The device acknowledged ${value}. It was not read back, so its effect is not proven.`,
    next: "Watch the process value that should follow.",
  },
  Rejected: { tone: "attention", what: () => "Nothing was sent to the device; the value is as before.", next: "Correct what the reason names, then write again." },
  Failed: { tone: "alarm", what: () => "The device refused, or did not take the value.", next: "Look at the present value and at the device before you try again." },
  Waiting: {
    tone: "normal",
    what: () => "Nothing is sent yet: a second person must agree first.",
    next: "Tell somebody who may approve it. Without an answer in time it is dropped.",
  },
  Unknown: {
    tone: "alarm",
    what: () => "The command was sent, but no answer came. The device may or may not have taken it.",
    next: "Look at the machine and at the present value before you do anything else. Ironbridge does not repeat it by itself.",
  },
};

export function OutcomeText(props: { result: WriteResult; value: Value; before: Value; show: (v: Value | undefined) => string }) {
  const { result, show } = props;
  const words = WORDS[result.outcome] ?? WORDS.Unknown;
  return (
    <div className={`outcome outcome-${words.tone}`} role="alert" data-testid="write-outcome" data-outcome={result.outcome}>
      <p className="outcome-word">{result.outcome}</p>
      <p>{words.what(show(props.value), show(result.readback ?? props.value))}</p>
      {result.why && (
        <p>
          <b>Why:</b> {result.why}
        </p>
      )}
      {words.next && (
        <p>
          <b>Next step:</b> <Prose>{words.next}</Prose>
        </p>
      )}
      {result.outcome === "Waiting" ? (
        <p>
          <Link to="/commands">Follow it on the page Commands</Link>
        </p>
      ) : (
        <p className="quiet">
          Before: {show(result.before ?? props.before)}. It took {formatDuration((result.took_ms ?? 0) / 1000)}. The audit log has the record.
        </p>
      )}
    </div>
  );
}
