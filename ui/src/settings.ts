/** What this browser remembers about how to show things. Applied to <html>, so that CSS alone does the rest. */
import { useSyncExternalStore } from "react";

export type Theme = "auto" | "light" | "dark";
export type Size = "normal" | "wall";

const listeners = new Set<() => void>();
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function read<X extends string>(key: string, allowed: readonly X[], fallback: X): X {
  try {
    const value = localStorage.getItem(`ironbridge.${key}`);
    return allowed.includes(value as X) ? (value as X) : fallback;
  } catch {
    return fallback; // Storage can be forbidden; the settings then last as long as the page.
  }
}
function write(key: string, value: string): void {
  try {
    localStorage.setItem(`ironbridge.${key}`, value);
  } catch {
    // See above.
  }
}

let theme: Theme = read("theme", ["auto", "light", "dark"], "auto");
let size: Size = read("size", ["normal", "wall"], "normal");

function apply(): void {
  const root = document.documentElement;
  root.dataset["theme"] = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
  root.dataset["size"] = size;
  for (const l of listeners) l();
}
dark.addEventListener("change", apply);
apply();

const subscribe = (l: () => void) => {
  listeners.add(l);
  return () => void listeners.delete(l);
};
export function useTheme(): [Theme, (t: Theme) => void] {
  return [
    useSyncExternalStore(subscribe, () => theme),
    (t) => {
      theme = t;
      write("theme", t);
      apply();
    },
  ];
}
export function useSize(): [Size, (s: Size) => void] {
  return [
    useSyncExternalStore(subscribe, () => size),
    (s) => {
      size = s;
      write("size", s);
      apply();
    },
  ];
}
/** The theme that is in force, for things that CSS cannot colour (canvas). */
export function useShownTheme(): string {
  return useSyncExternalStore(subscribe, () => `${document.documentElement.dataset["theme"]}-${size}`);
}
