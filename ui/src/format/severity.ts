/** One word per band of OPC UA severity (1-1000). */
export interface SeverityWords {
  word: "Critical" | "High" | "Medium" | "Low" | "Info";
  /** Drives the colour: only what needs a person is coloured. */
  level: "alarm" | "attention" | "note" | "normal";
}

export function severityWords(severity: number): SeverityWords {
  if (severity >= 800) return { word: "Critical", level: "alarm" };
  if (severity >= 600) return { word: "High", level: "alarm" };
  if (severity >= 400) return { word: "Medium", level: "attention" };
  if (severity >= 200) return { word: "Low", level: "note" };
  return { word: "Info", level: "normal" };
}

/** The least severity of each word, for filters. */
export const SEVERITY_BANDS: { word: string; min: number }[] = [
  { word: "Critical", min: 800 },
  { word: "High and above", min: 600 },
  { word: "Medium and above", min: 400 },
  { word: "Low and above", min: 200 },
];
