/** Server-sent events out of a byte stream (WHATWG HTML, section 9.2.6), as far as the gateway uses them. */
export interface SseEvent {
  name: string;
  data: string;
}

/** The longest unfinished event that is kept; more is a broken stream. */
const MAX_PENDING = 16 * 1024 * 1024;

export class SseParser {
  private pending = "";

  /** Takes the next piece of text and returns the events that are complete. */
  push(text: string): SseEvent[] {
    this.pending += text;
    if (this.pending.length > MAX_PENDING) throw new Error("the live stream sent an event without an end");
    const events: SseEvent[] = [];
    const blocks = this.pending.split(/\r?\n\r?\n/);
    this.pending = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) events.push(event);
    }
    return events;
  }
}

function parseBlock(block: string): SseEvent | null {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
  }
  return data.length > 0 ? { name, data: data.join("\n") } : null;
}
