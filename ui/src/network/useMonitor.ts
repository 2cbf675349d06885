/** The monitor's state, asked for often because it is small; and lists, asked for again when the state says that they changed. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { monitor, type Protocol } from "../api/monitor";

export function useMonitor() {
  return useQuery({ queryKey: ["monitor"], queryFn: ({ signal }) => monitor.state({ signal }), refetchInterval: 2000 });
}

/** Traffic counts of a list move without a revision: they may be this old. */
export const COUNTS_MS = 15_000;

export type List = "assets" | "links" | "findings" | "windows" | "baseline";

/** Renews every query below `["monitor-lists"]` when one of the lists it is made of has changed. */
export function useRenewal(...lists: List[]): void {
  const client = useQueryClient();
  const revision = useMonitor().data?.revision;
  const now = revision && lists.map((name) => revision[name] ?? 0).join("/");
  const before = useRef(now);
  useEffect(() => {
    if (now === undefined || now === before.current) return;
    if (before.current !== undefined) void client.invalidateQueries({ queryKey: ["monitor-lists"] });
    before.current = now;
  }, [now, client]);
}

/** Names of protocols by their keys; a key that is not known yet is shown as it is. */
export function useProtocols(): { all: Protocol[]; name: (key: string) => string } {
  const q = useQuery({ queryKey: ["monitor-protocols"], queryFn: ({ signal }) => monitor.protocols({ signal }), staleTime: Infinity });
  const all = q.data ?? [];
  return { all, name: (key) => all.find((p) => p.key === key)?.name ?? key };
}
