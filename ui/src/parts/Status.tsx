/** A state in words; grey when normal, coloured and marked when not. */
export type Tone = "normal" | "note" | "attention" | "alarm" | "off";

const TONES: Record<string, Tone> = {
  connected: "normal",
  ok: "normal",
  good: "normal",
  normal: "normal",
  connecting: "attention",
  waiting: "attention",
  demoted: "attention",
  attention: "attention",
  slow: "attention",
  lost: "alarm",
  failed: "alarm",
  failing: "alarm",
  alarm: "alarm",
  paused: "off",
  disabled: "off",
};

export function toneOf(state: string | null | undefined): Tone {
  return TONES[state ?? ""] ?? "normal";
}

export function Status({ state, tone, children }: { state?: string | null; tone?: Tone; children?: string }) {
  const shown = tone ?? toneOf(state);
  const text = children ?? state ?? "unknown";
  return <span className={`status status-${shown}`}>{text}</span>;
}
