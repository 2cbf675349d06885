/** The events of a window, page by page up to a bound, and what began before it and still lasts. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import type { PlantEvent } from "../api/types";
import type { Window } from "../trend/zoom";
import { lasts, merge } from "./lanes";

export const MOST = 5000;
const PAGE = 1000;

export interface Asked {
  kind: string;
  severity: string;
  search: string;
}
export interface Found {
  events: PlantEvent[];
  /** False: there were more than `MOST`; the newest are here. */
  complete: boolean;
}

async function read(window: Window, asked: Asked, signal: AbortSignal): Promise<Found> {
  const sieve = { kind: asked.kind, severity_min: asked.severity ? Number(asked.severity) : ("" as const), search: asked.search };
  const before = await api.events({ ...sieve, active: true, to: window.to, limit: PAGE }, { signal });
  const pages: PlantEvent[][] = [before.events.filter((e) => lasts(e) && (e.start ?? 0) < window.from)];
  let next: string | null = null;
  for (let n = 0; n < MOST / PAGE; n += 1) {
    const page = await api.events({ ...sieve, from: window.from, to: window.to, limit: PAGE, before: next }, { signal });
    pages.push(page.events);
    next = page.next;
    if (next === null) break;
  }
  return { events: merge(...pages), complete: next === null };
}

/** `key` says which window is meant: a window that follows the present is asked for again and again. */
export function useTimeline(key: string, window: () => Window, asked: Asked, every: number | false) {
  return useQuery({
    queryKey: ["timeline", key, asked.kind, asked.severity, asked.search],
    queryFn: ({ signal }) => read(window(), asked, signal),
    refetchInterval: every,
    placeholderData: (old) => old,
  });
}
