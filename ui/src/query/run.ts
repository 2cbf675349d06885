/** Running, cancelling and exporting a query. */
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api } from "../api/client";
import { newId } from "../api/id";
import { saveBlob } from "../save";
import type { QueryResult } from "../api/types";

export const ROW_LIMIT = 10_000;

export function useRun() {
  const running = useRef<{ id: string; abort: AbortController } | null>(null);
  const run = useMutation<QueryResult | null, unknown, string>({
    mutationFn: async (sql) => {
      const id = newId();
      const abort = new AbortController();
      running.current = { id, abort };
      try {
        return await api.query(sql, ROW_LIMIT, id, { signal: abort.signal });
      } catch (error) {
        if (abort.signal.aborted) return null;
        throw error;
      } finally {
        running.current = null;
      }
    },
  });
  const cancel = () => {
    const now = running.current;
    if (!now) return;
    // The gateway is told first: a dropped connection alone might be noticed late.
    void api.cancelQuery(now.id).catch(() => undefined);
    now.abort.abort();
  };
  // Leaving the page must not leave work behind on the gateway.
  useEffect(() => cancel, []);
  return { run, cancel };
}

export function useExport() {
  return useMutation<void, unknown, { sql: string; format: "csv" | "parquet" }>({
    mutationFn: async ({ sql, format }) => {
      saveBlob(`query.${format}`, await api.exportQuery(sql, format));
    },
  });
}
