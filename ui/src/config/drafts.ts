import type { Sort } from "../api/config";

/** Texts that are not saved yet. They outlive a visit to another page, not a reload. */
export interface Unsaved {
  text: string;
  /** The version it was made from; null for a new file. */
  version: string | null;
}

const unsaved = new Map<string, Unsaved>();

export const drafts = {
  get: (name: string): Unsaved | undefined => unsaved.get(name),
  set: (name: string, draft: Unsaved): void => void unsaved.set(name, draft),
  drop: (name: string): void => void unsaved.delete(name),
  names: (): string[] => [...unsaved.keys()],
};

/** What a file that is not saved yet holds; the gateway says it of all others. */
export const sortOf = (name: string): Sort =>
  name.endsWith(".csv") ? "list" : (["destination", "asset", "type"] as const).find((sort) => name.startsWith(`${sort}s/`)) ?? "connection";

/** A file name from words of a device or a person; empty when nothing is left of them. */
export function fileName(folder: string, words: string): string {
  const stem = words
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
  // The name of a type is a word that assets use: it keeps its capitals.
  return stem === "" ? "" : `${folder}/${folder === "types" ? stem : stem.toLowerCase()}.toml`;
}
