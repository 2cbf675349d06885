/** Gestures over a picture with a time axis. */
export interface Gestures {
  /** Anchor 0 (left) to 1 (right). */
  onZoom: (factor: number, anchor: number) => void;
  /** By a part of the width. */
  onPan: (part: number) => void;
}

/** Wheel zooms at the pointer, sideways wheel and shift-wheel pan, two fingers pinch. */
export function gestures(over: HTMLElement, latest: { readonly current: Gestures }): () => void {
  const wheel = (e: WheelEvent) => {
    e.preventDefault();
    const rect = over.getBoundingClientRect();
    if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
      latest.current.onPan((e.deltaX || e.deltaY) / rect.width);
      return;
    }
    const lines = e.deltaMode === 1 ? e.deltaY * 33 : e.deltaY;
    const factor = Math.exp(Math.max(-400, Math.min(400, lines)) * 0.0022);
    latest.current.onZoom(factor, Math.max(0, Math.min(1, (e.clientX - rect.left) / rect.width)));
  };
  let pinch: { distance: number; anchor: number } | null = null;
  const measure = (e: TouchEvent) => {
    const [a, b] = [e.touches[0], e.touches[1]];
    if (!a || !b) return null;
    const rect = over.getBoundingClientRect();
    return { distance: Math.abs(a.clientX - b.clientX) || 1, anchor: ((a.clientX + b.clientX) / 2 - rect.left) / rect.width };
  };
  const start = (e: TouchEvent) => {
    pinch = e.touches.length === 2 ? measure(e) : null;
  };
  const move = (e: TouchEvent) => {
    const now = pinch && e.touches.length === 2 ? measure(e) : null;
    if (!pinch || !now) return;
    e.preventDefault();
    latest.current.onZoom(pinch.distance / now.distance, now.anchor);
    pinch = now;
  };
  over.addEventListener("wheel", wheel, { passive: false });
  over.addEventListener("touchstart", start, { passive: true });
  over.addEventListener("touchmove", move, { passive: false });
  return () => {
    over.removeEventListener("wheel", wheel);
    over.removeEventListener("touchstart", start);
    over.removeEventListener("touchmove", move);
  };
}
