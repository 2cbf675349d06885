/** The gateway's clock as seen from this page, and a shared tick for ages. */
import { useSyncExternalStore } from "react";

let offsetMs = 0;

/** Learns the difference between the gateway's clock and this computer's; small jitter of the network is ignored. */
export function learnServerTime(serverTime: number | undefined): void {
  if (serverTime === undefined || !Number.isFinite(serverTime)) return;
  const fresh = serverTime - Date.now();
  if (Math.abs(fresh - offsetMs) > 500) offsetMs = fresh;
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}

const listeners = new Set<() => void>();
let tick = serverNow();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    tick = serverNow();
    for (const l of listeners) l();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The gateway's time, renewed every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => {
    if (listeners.size === 0) tick = serverNow();
    return tick;
  });
}
