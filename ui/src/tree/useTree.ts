/** Loads branches of the namespace as they are opened, and renews the counts of what is open. */
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "../api/client";
import { flatten, shownPrefixes, type Children, type Row } from "./flatten";

/** Opened branches beyond this many stay closed: the memory of a browser is finite too. */
const MAX_OPEN = 200;

export function useTree(root: string, open: ReadonlySet<string>): { rows: Row[]; retry: (prefix: string) => void } {
  const prefixes = useMemo(() => [root, ...shownPrefixes(open).slice(-MAX_OPEN)], [root, open]);
  const results = useQueries({
    queries: prefixes.map((prefix) => ({
      queryKey: ["tree", prefix],
      queryFn: ({ signal }: { signal: AbortSignal }) => api.tree(prefix, { signal }),
      staleTime: 10_000,
      // Live values come by the stream; this only renews counts of bad points and new children, about once a second at most.
      refetchInterval: Math.max(10_000, prefixes.length * 1_000),
    })),
    combine: (all) => all,
  });
  const loaded = useMemo(() => {
    const map = new Map<string, Children>();
    prefixes.forEach((prefix, i) => {
      const r = results[i];
      if (!r) return;
      if (r.data) map.set(prefix, { state: "ready", children: r.data.children, more: r.data.more });
      else map.set(prefix, r.error ? { state: "error", error: r.error } : { state: "loading" });
    });
    return map;
  }, [prefixes, results]);
  const rows = useMemo(() => flatten(root, loaded, open), [root, loaded, open]);
  return { rows, retry: (prefix) => void results[prefixes.indexOf(prefix)]?.refetch() };
}
