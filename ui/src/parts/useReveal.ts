import { useEffect, useRef, type RefObject } from "react";

/** Brings what was just chosen into sight where a long list stands above it, as on a narrow screen. */
export function useReveal<E extends HTMLElement>(chosen: string | null): RefObject<E | null> {
  const place = useRef<E>(null);
  const before = useRef<string | null>(null);
  useEffect(() => {
    const fresh = chosen !== null && chosen !== before.current;
    before.current = chosen;
    const top = place.current?.getBoundingClientRect().top;
    if (fresh && top !== undefined && top > window.innerHeight * 0.8) place.current?.scrollIntoView({ block: "start" });
  }, [chosen]);
  return place;
}
