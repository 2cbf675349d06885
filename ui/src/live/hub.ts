/**
 * One live stream for the whole page. Components say which paths they show; the hub asks the gateway for exactly those,
 * in one request, and asks again a moment after the set has changed. Nothing is subscribed that nobody sees.
 */
import { api } from "../api/client";
import { ApiError } from "../api/http";
import type { PointLive } from "../api/types";
import { learnServerTime } from "./clock";
import { applyMessage, Interest, sameList, type LiveMessage, type LiveValue } from "./conflate";
import { SseParser, type SseEvent } from "./sse";

export type LiveStatus = "idle" | "connecting" | "live" | "lost";

const MAX_PATHS = 2000;
const INTERVAL_MS = 250;
const SETTLE_MS = 120;
/** The gateway pings every 5 s; two missed ones are a loss. */
const SILENCE_MS = 12_000;
const MAX_KEPT = 20_000;

class LiveHub {
  status: LiveStatus = "idle";
  lostSince: number | null = null;
  private readonly values = new Map<string, LiveValue>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly statusListeners = new Set<() => void>();
  private readonly resetListeners = new Set<() => void>();
  private readonly signedOutListeners = new Set<() => void>();
  private readonly interest = new Interest();
  private current: string[] = [];
  private abort: AbortController | null = null;
  private settle: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  get(path: string): LiveValue | undefined {
    return this.values.get(path);
  }

  subscribe(path: string, listener: () => void): () => void {
    let set = this.listeners.get(path);
    if (!set) this.listeners.set(path, (set = new Set()));
    set.add(listener);
    this.interest.add(path);
    this.schedule();
    return () => {
      set.delete(listener);
      if (set.size === 0) this.listeners.delete(path);
      this.interest.remove(path);
      this.schedule();
    };
  }

  /** A value that came with a list: shown until the stream knows better. */
  seed(point: PointLive): void {
    const before = this.values.get(point.path);
    if (before && (before.time ?? 0) >= (point.time ?? 0)) return;
    if (this.values.size > MAX_KEPT) this.forget();
    const value = point.value ?? point.last_good?.value ?? null;
    this.values.set(point.path, { value, quality: point.quality, good: point.good, time: point.time ?? null });
  }

  onStatus = (listener: () => void) => watch(this.statusListeners, listener);
  onReset = (listener: () => void) => watch(this.resetListeners, listener);
  onSignedOut = (listener: () => void) => watch(this.signedOutListeners, listener);

  /** Forgets everything: another person signs in, or nobody is signed in. */
  clear(): void {
    this.values.clear();
    this.restart(this.current);
  }

  /** A hidden page watches nothing; a page that comes back catches up at once. */
  visibility(visible: boolean): void {
    if (visible) this.restart(this.interest.list(MAX_PATHS));
    else this.stop("idle");
  }

  private schedule(): void {
    clearTimeout(this.settle);
    this.settle = setTimeout(() => {
      if (document.visibilityState === "hidden") return;
      const wanted = this.interest.list(MAX_PATHS);
      if (!sameList(wanted, this.current) || (wanted.length > 0 && !this.abort && !this.retry)) this.restart(wanted);
    }, SETTLE_MS);
  }

  private restart(paths: string[]): void {
    this.stop(paths.length === 0 ? "idle" : this.status);
    this.current = paths;
    if (paths.length > 0) void this.run(paths);
  }

  private stop(status: LiveStatus): void {
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    this.retry = undefined;
    this.abort?.abort();
    this.abort = null;
    this.setStatus(status);
  }

  private async run(paths: string[]): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    if (this.status === "idle") this.setStatus("connecting");
    try {
      const response = await api.live(paths, INTERVAL_MS, abort.signal);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      if (!reader) throw new Error("no body");
      const parser = new SseParser();
      this.heard(abort);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.heard(abort);
        for (const event of parser.push(value)) this.take(paths, event);
      }
    } catch (error) {
      if (this.abort !== abort) return;
      if (error instanceof ApiError && error.status === 401) for (const l of this.signedOutListeners) l();
    }
    if (this.abort !== abort) return;
    this.again(paths);
  }

  private heard(abort: AbortController): void {
    this.failures = 0;
    this.setStatus("live");
    clearTimeout(this.silence);
    this.silence = setTimeout(() => abort.abort(), SILENCE_MS);
  }

  private again(paths: string[]): void {
    this.stop("lost");
    this.failures += 1;
    const wait = Math.min(10_000, 500 * 2 ** this.failures) * (0.7 + 0.6 * Math.random());
    this.retry = setTimeout(() => void this.run(paths), wait);
  }

  private take(paths: string[], event: SseEvent): void {
    if (event.name === "reset") {
      for (const l of this.resetListeners) l();
      return;
    }
    let message: LiveMessage;
    try {
      message = JSON.parse(event.data) as LiveMessage;
    } catch {
      return;
    }
    learnServerTime(message.server_time);
    if (event.name !== "values") return;
    for (const path of applyMessage(this.values, paths, message)) for (const l of this.listeners.get(path) ?? []) l();
  }

  private setStatus(status: LiveStatus): void {
    if (status === this.status) return;
    this.status = status;
    this.lostSince = status === "lost" ? Date.now() : null;
    for (const l of this.statusListeners) l();
  }

  private forget(): void {
    for (const path of this.values.keys()) if (!this.listeners.has(path)) this.values.delete(path);
  }
}

function watch(set: Set<() => void>, listener: () => void): () => void {
  set.add(listener);
  return () => void set.delete(listener);
}

export const hub = new LiveHub();
document.addEventListener("visibilitychange", () => hub.visibility(document.visibilityState !== "hidden"));
