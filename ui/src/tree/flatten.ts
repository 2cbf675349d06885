/** Turns the opened part of the tree into rows for a list that draws only what is on screen. Pure. */
import type { TreeChild } from "../api/types";

export type Children = { state: "loading" } | { state: "error"; error: unknown } | { state: "ready"; children: TreeChild[]; more?: boolean };

export type Row =
  | { kind: "node"; path: string; depth: number; node: TreeChild; open: boolean; position: number; size: number }
  | { kind: "loading" | "error" | "empty" | "more"; path: string; depth: number; error?: unknown };

/** Rows below `root` ("" is the top), descending into what `open` holds. Depth starts at 1. */
export function flatten(root: string, loaded: ReadonlyMap<string, Children>, open: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  walk(root, 1, loaded, open, rows);
  return rows;
}

function walk(prefix: string, depth: number, loaded: ReadonlyMap<string, Children>, open: ReadonlySet<string>, rows: Row[]): void {
  const below = loaded.get(prefix);
  if (!below || below.state === "loading") {
    rows.push({ kind: "loading", path: prefix, depth });
    return;
  }
  if (below.state === "error") {
    rows.push({ kind: "error", path: prefix, depth, error: below.error });
    return;
  }
  if (below.children.length === 0) rows.push({ kind: "empty", path: prefix, depth });
  below.children.forEach((node, i) => {
    const isOpen = node.kind !== "point" && open.has(node.path);
    rows.push({ kind: "node", path: node.path, depth, node, open: isOpen, position: i + 1, size: below.children.length });
    if (isOpen) walk(node.path, depth + 1, loaded, open, rows);
  });
  if (below.more) rows.push({ kind: "more", path: prefix, depth });
}

/** Opened branches that are on screen: those inside of a closed one are not, and need not be read. */
export function shownPrefixes(open: ReadonlySet<string>): string[] {
  return [...open].filter((path) => path !== "" && ancestors(path).every((above) => open.has(above)));
}

/** "a/b/c" -> ["a", "a/b", "a/b/c"]. */
export function ancestors(path: string): string[] {
  const parts = path.split("/").filter(Boolean);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

export type Move = { to: string } | { open: string } | { close: string } | null;

/** What an arrow key means in a tree (WAI-ARIA, tree pattern). */
export function arrow(key: string, rows: readonly Row[], active: string, page: number): Move {
  const nodes = rows.filter((r): r is Extract<Row, { kind: "node" }> => r.kind === "node");
  if (nodes.length === 0) return null;
  const at = nodes.findIndex((r) => r.path === active);
  const here = nodes[at];
  const go = (i: number): Move => {
    const target = nodes[Math.max(0, Math.min(nodes.length - 1, i))];
    return target ? { to: target.path } : null;
  };
  switch (key) {
    case "ArrowDown":
      return go(at + 1);
    case "ArrowUp":
      return go(at < 0 ? 0 : at - 1);
    case "PageDown":
      return go(at + page);
    case "PageUp":
      return go(at - page);
    case "Home":
      return go(0);
    case "End":
      return go(nodes.length - 1);
    case "ArrowRight":
      if (!here || here.node.kind === "point") return null;
      return here.open ? go(at + 1) : { open: here.path };
    case "ArrowLeft": {
      if (!here) return null;
      if (here.open) return { close: here.path };
      const parent = here.path.slice(0, Math.max(0, here.path.lastIndexOf("/")));
      return nodes.some((r) => r.path === parent) ? { to: parent } : null;
    }
    default:
      return null;
  }
}
