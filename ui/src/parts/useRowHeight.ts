import { useEffect, useState } from "react";
import { useSize } from "../settings";

/** True below the width at which rows take two lines. */
export function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => window.matchMedia("(max-width: 44rem)").matches);
  useEffect(() => {
    const media = window.matchMedia("(max-width: 44rem)");
    const change = () => setNarrow(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);
  return narrow;
}

/** Height of a virtual row in pixels: sizes are in rem, and the wall has larger ones. */
export function useRem(): number {
  const [size] = useSize();
  const [rem, setRem] = useState(15);
  useEffect(() => {
    const read = () => setRem(parseFloat(getComputedStyle(document.documentElement).fontSize) || 15);
    read();
    window.addEventListener("resize", read);
    return () => window.removeEventListener("resize", read);
  }, [size]);
  return rem;
}
