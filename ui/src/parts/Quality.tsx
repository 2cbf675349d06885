import { qualityWords } from "../format/quality";

/** The word for a quality. Good is quiet; anything else stands out by hatching and word, not by colour alone. */
export function Quality({ quality, good, long, testId }: { quality: string; good: boolean; long?: boolean; testId?: string }) {
  const words = qualityWords(quality, good);
  return (
    <span className={`quality quality-${words.class}`} data-quality={quality} data-testid={testId}>
      {words.short}
      {long && quality && quality !== words.short ? <span className="quality-code"> {quality}</span> : null}
    </span>
  );
}
