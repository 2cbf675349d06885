/** The map itself, on Cytoscape.js. This file is loaded only when a map is shown: the library is the largest of all. */
import cytoscape, { type Core, type ElementDefinition, type StylesheetJson } from "cytoscape";
import { useEffect, useRef, type KeyboardEvent } from "react";
import type { NetworkMap } from "../api/monitor";
import { useShownTheme } from "../settings";
import { CELL, layout, SIDE } from "./layout";
import { boxText, edgeKey, levelOf, type Shown } from "./sift";
import { levelName, zoneName } from "./words";

export interface MapViewProps {
  map: NetworkMap;
  shown: Shown;
  selected: string | null;
  onSelect: (id: string | null) => void;
}

/** Above this many links the map moves as a picture, drawn sharp again when it stands; far above, without its links. */
const MANY = 300;
const VERY_MANY = 3000;

export function MapView({ map, shown, selected, onSelect }: MapViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const graph = useRef<Core | null>(null);
  const select = useRef(onSelect);
  select.current = onSelect;
  const theme = useShownTheme();
  const links = map.edges.length;
  const many = links > MANY;
  const veryMany = links > VERY_MANY;

  useEffect(() => {
    const cy = cytoscape({
      container: box.current,
      boxSelectionEnabled: false,
      autoungrabify: true,
      autounselectify: true,
      minZoom: 0.05,
      maxZoom: 3,
      hideEdgesOnViewport: veryMany,
      textureOnViewport: many,
    });
    cy.on("tap", (e) => select.current(e.target === cy || !e.target.isNode() ? null : e.target.hasClass("asset") ? (e.target.id() as string).slice(2) : null));
    graph.current = cy;
    return () => {
      cy.destroy();
      graph.current = null;
    };
  }, [many, veryMany]);

  useEffect(() => {
    graph.current?.style(stylesheet(colours(), links));
  }, [theme, many, veryMany, links]);

  useEffect(() => {
    const cy = graph.current;
    if (cy) show(cy, elements(map));
  }, [map, many, veryMany]);

  useEffect(() => {
    const cy = graph.current;
    if (cy) emphasise(cy, shown, selected);
  }, [map, shown, selected, many, veryMany]);

  useEffect(() => {
    const cy = graph.current;
    const node = selected === null ? undefined : cy?.getElementById(`n:${selected}`);
    // Brought into sight, not moved when it is there already.
    if (!cy || !node?.nonempty()) return;
    const at = node.renderedPosition();
    if (at.x < 0 || at.y < 0 || at.x > cy.width() || at.y > cy.height() || cy.zoom() < 0.4) {
      cy.zoom(Math.max(cy.zoom(), 0.8));
      cy.center(node);
    }
  }, [selected, map]);

  const key = (e: KeyboardEvent) => {
    const cy = graph.current;
    const move = KEYS[e.key];
    if (!cy || !move || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    move(cy);
  };
  const act = (move: (cy: Core) => void) => () => graph.current && move(graph.current);
  return (
    <div className="map-frame">
      <div className="trend-bar" role="group" aria-label="Zoom of the map">
        <button type="button" onClick={act(KEYS["+"] ?? fit)}>
          Zoom in
        </button>
        <button type="button" onClick={act(KEYS["-"] ?? fit)}>
          Zoom out
        </button>
        <button type="button" onClick={act(fit)}>
          Show all
        </button>
      </div>
      {/* The library would put a style element of its own into the page, which the content security policy refuses; it does not when it finds this name. Its one rule stands in network.css. */}
      <span id="__________cytoscape_stylesheet" hidden />
      <div
        ref={box}
        className="map"
        data-testid="map"
        data-nodes={map.nodes.length}
        data-edges={map.edges.length}
        data-shown={shown.nodes.size}
        tabIndex={0}
        role="application"
        aria-label={`Network map, ${map.nodes.length} assets, ${map.edges.length} links. Plus and minus zoom, arrow keys move, 0 shows all. The table says the same for the keyboard.`}
        onKeyDown={key}
      />
    </div>
  );
}

/** All of it, but a handful of assets is not blown up. */
function fit(cy: Core): void {
  cy.fit(undefined, 16);
  if (cy.zoom() > 1) cy.zoom(1).center();
}
const zoomBy = (factor: number) => (cy: Core) => void cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
const panBy = (x: number, y: number) => (cy: Core) => void cy.panBy({ x, y });
const KEYS: Record<string, (cy: Core) => void> = {
  "+": zoomBy(1.4),
  "=": zoomBy(1.4),
  "-": zoomBy(1 / 1.4),
  "0": fit,
  ArrowLeft: panBy(80, 0),
  ArrowRight: panBy(-80, 0),
  ArrowUp: panBy(0, 80),
  ArrowDown: panBy(0, -80),
};

function elements(map: NetworkMap): ElementDefinition[] {
  const { spots, bands, zones, words } = layout(map.nodes.map((n) => ({ id: n.id, level: n.level, zone: n.zone || null })));
  const known = new Set(map.nodes.map((n) => n.id));
  const frame = (kind: string, f: (typeof bands)[number], label: string): ElementDefinition => ({
    group: "nodes",
    data: { id: `${kind}:${f.key ?? ""}`, label, width: f.width, height: f.height, words, top: words * 1.5 },
    position: { x: f.x + f.width / 2, y: f.y + f.height / 2 },
    classes: kind,
  });
  return [
    ...bands.flatMap((b) => {
      const label: ElementDefinition = { group: "nodes", data: { id: `level:${b.key ?? ""}`, label: levelName(b.key as number | null), words, width: (SIDE - 1) * words }, position: { x: (SIDE * words) / 2, y: b.y + b.height / 2 }, classes: "level" };
      return [frame("band", b, ""), label];
    }),
    ...zones.map((z) => frame("zone", z, zoneName(z.key as string | null))),
    ...map.nodes.map((n): ElementDefinition => {
      const classes = ["asset", levelOf(n), n.approved ? "" : "new", n.live === false ? "gone" : "", n.own ? "own" : ""];
      return { group: "nodes", data: { id: `n:${n.id}`, label: boxText(n) }, position: spots.get(n.id) ?? { x: 0, y: 0 }, classes: classes.filter(Boolean).join(" ") };
    }),
    ...map.edges
      .filter((e) => known.has(e.client) && known.has(e.server) && e.client !== e.server)
      .map((e): ElementDefinition => {
        const classes = ["link", levelOf(e), e.encrypted ? "encrypted" : "", e.one_way ? "one-way" : ""];
        return { group: "edges", data: { id: `e:${edgeKey(e)}`, source: `n:${e.client}`, target: `n:${e.server}` }, classes: classes.filter(Boolean).join(" ") };
      }),
  ];
}

/** Changes what is different, so that a renewal does not move what the reader looks at. */
function show(cy: Core, wanted: ElementDefinition[]): void {
  const first = cy.elements().empty();
  const ids = new Set(wanted.map((e) => String(e.data.id)));
  cy.batch(() => {
    cy.elements().forEach((e) => {
      if (!ids.has(e.id())) e.remove();
    });
    const fresh = wanted.filter((e) => {
      const old = cy.getElementById(String(e.data.id));
      if (old.empty()) return true;
      const { id: _, source: __, target: ___, ...data } = e.data;
      old.data(data);
      old.classes(String(e.classes ?? ""));
      if (e.position) old.position(e.position);
      return false;
    });
    cy.add(fresh);
  });
  if (first) fit(cy);
}

/** What does not fit the filters, or has nothing to do with what is chosen, becomes faint. */
function emphasise(cy: Core, shown: Shown, selected: string | null): void {
  const chosen = selected === null ? cy.collection() : cy.getElementById(`n:${selected}`);
  const near = chosen.nonempty() ? chosen.closedNeighborhood() : null;
  cy.batch(() => {
    cy.nodes(".asset").forEach((n) => {
      n.toggleClass("faint", !shown.nodes.has(n.id().slice(2)) || (near !== null && !near.has(n)));
      n.toggleClass("chosen", chosen.nonempty() && n.same(chosen));
    });
    cy.edges().forEach((e) => {
      e.toggleClass("faint", !shown.edges.has(e.id().slice(2)) || (near !== null && !near.has(e)));
      e.toggleClass("near", near !== null && near.has(e));
    });
  });
}

const NAMES = ["ground", "panel", "field", "raised", "line", "line-strong", "text", "quiet", "focus", "alarm", "attention-fill"] as const;
type Colours = Record<(typeof NAMES)[number], string>;

function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((n) => [n, style.getPropertyValue(`--${n}`).trim()])) as Colours;
}

function stylesheet(c: Colours, links: number): StylesheetJson {
  const font = getComputedStyle(document.body).fontFamily;
  const frame = { shape: "rectangle", width: "data(width)", height: "data(height)", label: "data(label)", events: "no", "font-family": font, color: c.quiet, "z-index-compare": "manual" } as const;
  return [
    { selector: ".band", style: { ...frame, "background-color": c.raised, "background-opacity": 0.55, "border-width": 0, "z-index": 0 } },
    { selector: ".level", style: { width: 1, height: 1, "background-opacity": 0, events: "no", label: "data(label)", "font-family": font, color: c.quiet, "font-size": "data(words)", "font-weight": 600, "text-halign": "center", "text-valign": "center", "text-wrap": "wrap", "text-max-width": "data(width)", "z-index-compare": "manual", "z-index": 2 } },
    { selector: ".zone", style: { ...frame, "background-opacity": 0, "border-width": 1, "border-color": c["line-strong"], "border-style": "solid", "font-size": "data(words)", "font-weight": 600, "text-valign": "top", "text-margin-y": "data(top)", "text-wrap": "ellipsis", "text-max-width": "data(width)", "z-index": 1 } },
    {
      selector: ".asset",
      style: {
        shape: "round-rectangle", width: CELL.width - 14, height: CELL.height - 12, label: "data(label)",
        "background-color": c.field, "border-width": 1, "border-color": c["line-strong"], color: c.text,
        "font-family": font, "font-size": 13, "text-wrap": "wrap", "text-halign": "center", "text-valign": "center", "line-height": 1.25, "min-zoomed-font-size": 5,
        "z-index-compare": "manual", "z-index": 10,
      },
    },
    { selector: ".new", style: { "border-style": "dashed", "border-width": 2 } },
    { selector: ".gone", style: { "background-color": c.panel, color: c.quiet } },
    { selector: ".own", style: { "background-color": c.text, color: c.panel } },
    { selector: ".asset.attention", style: { "border-color": c["attention-fill"], "border-width": 5 } },
    { selector: ".asset.alarm", style: { "border-color": c.alarm, "border-width": 5 } },
    { selector: ".link", style: { width: 1, "line-color": c["line-strong"], "target-arrow-color": c["line-strong"], "target-arrow-shape": "triangle", "arrow-scale": 0.8, "curve-style": "straight", opacity: links < 200 ? 0.55 : 0.25, "z-index-compare": "manual", "z-index": 5 } },
    { selector: ".one-way", style: { "line-style": "dashed" } },
    { selector: ".encrypted", style: { "line-style": "dotted" } },
    { selector: ".link.attention", style: { "line-color": c["attention-fill"], "target-arrow-color": c["attention-fill"], width: 3, opacity: 1 } },
    { selector: ".link.alarm", style: { "line-color": c.alarm, "target-arrow-color": c.alarm, width: 3, opacity: 1 } },
    { selector: ".near", style: { width: 2, opacity: 1 } },
    { selector: ".faint", style: { opacity: 0.13 } },
    { selector: ".chosen", style: { "outline-width": 4, "outline-color": c.focus, "outline-offset": 2 } },
  ] as unknown as StylesheetJson;
}
