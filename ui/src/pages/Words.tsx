import { Page } from "../parts/Page";
import { GLOSSARY, type Entry } from "../words/glossary";

const ENTRIES: Entry[] = Object.values(GLOSSARY).sort((a, b) => a.word.localeCompare(b.word));

export function Words() {
  return (
    <Page title="Words explained" lead={<p>Words of plant engineers for IT readers, and words of IT for plant engineers.</p>}>
      <dl className="words">
        {ENTRIES.map((e) => (
          <div key={e.word}>
            <dt>
              {e.word} <span className="quiet">{e.from === "both" ? "both trades" : `from ${e.from}`}</span>
            </dt>
            <dd>{e.text}</dd>
          </div>
        ))}
      </dl>
    </Page>
  );
}
