/** A difference, line by line: signs and words, not colour alone. */
export function Diff({ text, label }: { text: string; label: string }) {
  const lines = text.split("\n");
  if (lines[lines.length - 1] === "") lines.pop();
  if (lines.length === 0) return <p className="quiet">Nothing changes in this file.</p>;
  return (
    <pre className="diff" tabIndex={0} role="group" aria-label={label}>
      {lines.map((line, i) => {
        const sort = line.startsWith("@@") ? "place" : line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
        return (
          <span key={i} className={`diff-${sort}`}>
            {line}
            {"\n"}
          </span>
        );
      })}
    </pre>
  );
}
