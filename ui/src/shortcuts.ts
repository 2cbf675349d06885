import { useEffect } from "react";
import { navigate } from "./router";

/** `/` goes to the search of the page, or to the search for points. */
export function useShortcuts(): void {
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || isTyping(e)) return;
      e.preventDefault();
      const field = document.querySelector<HTMLInputElement>("main input[type=search]");
      if (field) {
        field.focus();
        field.select();
      } else {
        navigate("/namespace?focus=search");
      }
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
}

function isTyping(e: KeyboardEvent): boolean {
  const target = e.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
