/** What of the map stands out under the filters; the rest stays in place, faint. Pure. */
import type { MapEdge, MapNode, NetworkMap } from "../api/monitor";
import { severityWords, type SeverityWords } from "../format/severity";
import { shorten } from "../format/foreign";

export interface MapSieve {
  text: string;
  protocol: string;
  zone: string | null;
  /** Only what has open findings. */
  findings: boolean;
}
export const edgeKey = (e: Pick<MapEdge, "client" | "server">): string => `${e.client}>${e.server}`;

export interface Shown {
  /** Assets that fit, and those that their links lead to. */
  nodes: Set<string>;
  edges: Set<string>;
  /** Only those that fit themselves. */
  matched: MapNode[];
}

export function siftMap(map: NetworkMap, sieve: MapSieve): Shown {
  const words = sieve.text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (n: MapNode) =>
    words.every((w) => `${n.id}\n${n.label}\n${n.role}\n${n.zone}\n${n.connection ?? ""}`.toLowerCase().includes(w)) &&
    (sieve.zone === null || n.zone === sieve.zone) &&
    (!sieve.findings || n.findings > 0) &&
    (sieve.protocol === "" || n.serves.includes(sieve.protocol) || n.asks.includes(sieve.protocol));
  const matched = map.nodes.filter(fits);
  const nodes = new Set(matched.map((n) => n.id));
  const ends = new Set(nodes);
  const edges = new Set<string>();
  for (const e of map.edges) {
    if (!ends.has(e.client) && !ends.has(e.server)) continue;
    if (sieve.protocol !== "" && !e.protocols.includes(sieve.protocol)) continue;
    if (sieve.findings && e.findings === 0) continue;
    edges.add(edgeKey(e));
    nodes.add(e.client).add(e.server);
  }
  return { nodes, edges, matched };
}

/** Colour only for what is open and needs a person. */
export const levelOf = (x: { findings: number; worst?: number | null | undefined }): SeverityWords["level"] => (x.findings > 0 ? severityWords(x.worst ?? 0).level : "normal");

/** Two short lines for a box on the map. */
export function boxText(n: Pick<MapNode, "id" | "label">): string {
  return n.label && n.label !== n.id ? `${shorten(n.label, 20)}\n${shorten(n.id, 22)}` : shorten(n.id, 22);
}
