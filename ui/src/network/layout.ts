/**
 * Where each asset stands on the map: Purdue levels from top to bottom, zones from left to right. Pure, and the same for the
 * same assets: a map that moves by itself cannot be learned.
 */
export interface Placed {
  id: string;
  level: number | null;
  zone: string | null;
}
export interface Spot {
  x: number;
  y: number;
}
export interface Frame {
  /** Level of a band or name of a zone; null: not known. */
  key: number | string | null;
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Layout {
  spots: Map<string, Spot>;
  bands: Frame[];
  zones: Frame[];
  width: number;
  height: number;
  /** Height of the words beside bands and above zones: they are read when all of the map is on the screen. */
  words: number;
}

/** Room of one asset, in the units of the map. */
export const CELL = { width: 168, height: 58 };
const GAP = 44;
/** Room for the name of a zone above it, for the name of a level left of it: in heights of the words. */
const HEAD = 2.1;
export const SIDE = 12;
/** As wide as the place for the map is to its height. */
const ASPECT = 2.2;

const natural = new Intl.Collator("en", { numeric: true });

export function layout(assets: readonly Placed[]): Layout {
  // Levels from the office down to the machine; what is not known stands below.
  const levels = [...new Set(assets.map((a) => a.level))].sort((a, b) => (b ?? -1) - (a ?? -1));
  const zones = [...new Set(assets.map((a) => a.zone))].sort((a, b) => (a === null ? 1 : b === null ? -1 : natural.compare(a, b)));
  const cells = new Map<string, string[]>();
  for (const a of assets) {
    const key = JSON.stringify([a.level, a.zone]);
    const cell = cells.get(key);
    if (cell) cell.push(a.id);
    else cells.set(key, [a.id]);
  }
  for (const cell of cells.values()) cell.sort(natural.compare);
  const count = (level: number | null, zone: string | null) => cells.get(JSON.stringify([level, zone]))?.length ?? 0;
  const fullest = zones.map((zone) => Math.max(...levels.map((level) => count(level, zone))));
  const columns = widths(fullest, levels, zones, count);

  const words = Math.max(16, columns.reduce((sum, wide) => sum + wide * CELL.width + GAP, 0) / 80);
  const result: Layout = { spots: new Map(), bands: [], zones: [], width: 0, height: 0, words };
  const lefts: number[] = [];
  let x = SIDE * words;
  for (const wide of columns) {
    lefts.push(x);
    x += wide * CELL.width + GAP;
  }
  result.width = Math.max(x - GAP, SIDE * words);
  let y = HEAD * words;
  for (const level of levels) {
    const rows = Math.max(1, ...zones.map((zone, i) => Math.ceil(count(level, zone) / (columns[i] ?? 1))));
    result.bands.push({ key: level, x: 0, y, width: result.width, height: rows * CELL.height + GAP / 2 });
    zones.forEach((zone, i) => {
      const wide = columns[i] ?? 1;
      cells.get(JSON.stringify([level, zone]))?.forEach((id, n) => {
        result.spots.set(id, {
          x: (lefts[i] ?? 0) + ((n % wide) + 0.5) * CELL.width,
          y: y + GAP / 4 + (Math.floor(n / wide) + 0.5) * CELL.height,
        });
      });
    });
    y += rows * CELL.height + GAP;
  }
  result.height = Math.max(HEAD * words, y - GAP / 2);
  zones.forEach((zone, i) => {
    const left = (lefts[i] ?? 0) - GAP / 4;
    result.zones.push({ key: zone, x: left, y: 0, width: (columns[i] ?? 1) * CELL.width + GAP / 2, height: result.height });
  });
  return result;
}

/** How many assets stand side by side in each zone, so that the whole is about as wide as a screen. */
function widths(fullest: number[], levels: (number | null)[], zones: (string | null)[], count: (level: number | null, zone: string | null) => number): number[] {
  let best: number[] = fullest.map(() => 1);
  let nearest = Infinity;
  for (let scale = 0.2; scale < 4; scale *= 1.12) {
    const columns = fullest.map((n) => Math.max(1, Math.min(n, Math.round(Math.sqrt(n) * scale))));
    const width = columns.reduce((sum, wide) => sum + wide * CELL.width + GAP, 0);
    const height = levels.reduce<number>(
      (sum, level) => sum + Math.max(1, ...zones.map((zone, i) => Math.ceil(count(level, zone) / (columns[i] ?? 1)))) * CELL.height + GAP,
      0,
    );
    const off = Math.abs(Math.log(width / height / ASPECT));
    if (off < nearest) [nearest, best] = [off, columns];
  }
  return best;
}
