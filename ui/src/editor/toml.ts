/** Colours for TOML: headings, keys, strings, comments. It only looks; the gateway reads. */
import { StreamLanguage } from "@codemirror/language";

interface State {
  /** The quotes of a text over several lines. */
  open: string;
}

export const toml = StreamLanguage.define<State>({
  name: "toml",
  startState: () => ({ open: "" }),
  token(stream, state) {
    if (state.open) {
      if (stream.skipTo(state.open)) {
        stream.match(state.open);
        state.open = "";
      } else stream.skipToEnd();
      return "string";
    }
    if (stream.eatSpace()) return null;
    if (stream.match(/^#.*/)) return "comment";
    if (stream.sol() && stream.match(/^\[.*\]/)) return "heading";
    const open = stream.match(/^("""|''')/);
    if (open && Array.isArray(open)) {
      state.open = open[0] ?? "";
      return "string";
    }
    if (stream.match(/^[\w.-]+(?=\s*=)/)) return "keyword";
    if (stream.match(/^"(?:[^"\\]|\\.)*"?|^'[^']*'?/)) return "string";
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "#" } },
});
