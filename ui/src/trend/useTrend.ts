/** Reads the window of a trend; the old picture stays until the new one is there. */
import { useEffect, useRef, useState } from "react";
import { api } from "../api/client";
import type { Trend } from "../api/types";
import { serverNow } from "../live/clock";
import { followInterval, windowOf, type View } from "./zoom";

const SETTLE_MS = 60;

export function useTrend(path: string, view: View, buckets: number, enabled: boolean): { trend: Trend | null; error: unknown; busy: boolean } {
  const [state, setState] = useState<{ trend: Trend | null; error: unknown; busy: boolean }>({ trend: null, error: null, busy: true });
  const { span, end } = view;
  const first = useRef(true);
  useEffect(() => {
    if (!enabled) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const read = async () => {
      const { from, to } = windowOf({ span, end }, serverNow());
      try {
        const trend = await api.trend({ path, from: Math.floor(from), to: Math.ceil(to), buckets }, { signal: abort.signal });
        setState({ trend, error: null, busy: false });
      } catch (error) {
        if (abort.signal.aborted) return;
        setState((s) => ({ ...s, error, busy: false }));
      }
      if (end === null && !abort.signal.aborted) timer = setTimeout(() => void read(), document.hidden ? 5_000 : followInterval(span));
    };
    setState((s) => ({ ...s, busy: true }));
    // Wheel and pinch send many windows in a row; only the one where the hand rests is asked for.
    timer = setTimeout(() => void read(), first.current ? 0 : SETTLE_MS);
    first.current = false;
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [path, span, end, buckets, enabled]);
  return state;
}
