import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { PointLive } from "../api/types";
import { hub, type LiveStatus } from "./hub";

/** A point with its newest value: subscribes while mounted. */
export function useLivePoint(point: PointLive): PointLive {
  // Seeding while rendering is safe: it only fills a cache that this same render reads.
  useMemo(() => hub.seed(point), [point]);
  const subscribe = useCallback((listener: () => void) => hub.subscribe(point.path, listener), [point.path]);
  const live = useSyncExternalStore(subscribe, () => hub.get(point.path));
  return useMemo(() => {
    if (!live || (live.time ?? 0) < (point.time ?? 0)) return point;
    const last_good = live.good ? { value: live.value, time: live.time } : (point.last_good ?? null);
    // The word of an enumeration belongs to the value it came with.
    const state = live.value === point.value ? (point.state ?? null) : null;
    return { ...point, value: live.value, quality: live.quality, good: live.good, time: live.time, last_good, state };
  }, [live, point]);
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(hub.onStatus, () => hub.status);
}
