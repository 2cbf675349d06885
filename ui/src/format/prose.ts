export interface Part {
  text: string;
  code: boolean;
}

/** Splits text at pairs of backticks. One without a partner is an ordinary sign. */
export function proseParts(text: string): Part[] {
  const parts: Part[] = [];
  const push = (piece: string, code: boolean) => {
    if (piece !== "") parts.push({ text: piece, code });
  };
  let at = 0;
  for (const found of text.matchAll(/`([^`\n]+)`/g)) {
    push(text.slice(at, found.index), false);
    push(found[1] ?? "", true);
    at = found.index + found[0].length;
  }
  push(text.slice(at), false);
  return parts;
}
