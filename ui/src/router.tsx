/** A router of one page: the address bar is the state. */
import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from "react";

const listeners = new Set<() => void>();
const notify = () => {
  for (const l of listeners) l();
};
window.addEventListener("popstate", notify);

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  if (!options.replace) window.scrollTo(0, 0);
  notify();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export function usePathname(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}
export function useSearch(): URLSearchParams {
  const text = useSyncExternalStore(subscribe, () => location.search);
  return new URLSearchParams(text);
}

/** Changes some query parameters in place, without a new entry in the history. */
export function setSearch(change: Record<string, string | null>): void {
  const search = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(change)) {
    if (value) search.set(key, value);
    else search.delete(key);
  }
  const text = search.toString();
  navigate(location.pathname + (text ? `?${text}` : ""), { replace: true });
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string };

/** A link that stays a real link: a new tab, copy address and middle click work. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const click = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={to} onClick={click} {...rest} />;
}

const segments = (path: string) => path.split("/").map(encodeURIComponent).join("/");
export const pointHref = (path: string) => `/point/${segments(path)}`;
export const assetHref = (path: string) => `/asset/${segments(path)}`;
// Not in the path: an address has dots, and a path with dots means a file.
export const seenAssetHref = (id: string) => `/assets?id=${encodeURIComponent(id)}`;
export const findingHref = (id: string) => `/findings?id=${encodeURIComponent(id)}`;
export const namespaceHref = (prefix: string) => (prefix ? `/namespace/${segments(prefix)}` : "/namespace");

/** The part of the address behind `base`, decoded: the path of a point or a prefix. */
export function tail(pathname: string, base: string): string {
  const rest = pathname.slice(base.length).replace(/^\/+|\/+$/g, "");
  try {
    return decodeURIComponent(rest);
  } catch {
    return rest;
  }
}
