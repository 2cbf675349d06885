/** Numbers as people read them: grouped, short enough for a table, never rounded to a lie. */

const grouped = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** A count: whole, grouped. Missing is an en dash. */
export function formatCount(n: number | null | undefined): string {
  return n === null || n === undefined || !Number.isFinite(n) ? "–" : grouped.format(n);
}

/** A measured value with at most `digits` significant digits; very large and very small ones as powers of ten. */
export function formatNumber(n: number, digits = 6): string {
  if (Number.isNaN(n)) return "not a number";
  if (!Number.isFinite(n)) return n > 0 ? "+infinity" : "-infinity";
  if (n === 0) return "0";
  const size = Math.abs(n);
  if (size >= 1e12 || size < 1e-6) return n.toExponential(Math.max(0, digits - 3)).replace("e+", "e");
  const before = Math.floor(Math.log10(size)) + 1;
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: Math.min(12, Math.max(0, digits - before)) }).format(n);
}

/** A whole number that may be too large for a JavaScript number and then comes as text. */
export function formatInteger(n: number | string): string {
  if (typeof n === "number") return Number.isInteger(n) ? grouped.format(n) : formatNumber(n);
  return /^-?\d+$/.test(n) ? grouped.format(BigInt(n)) : n;
}

export function formatPercent(n: number | null | undefined, digits = 1): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  // 99.97 % must not read "100 %": full is said only when it is full.
  const shown = n < 100 && n > 100 - 0.5 * 10 ** -digits ? Math.floor(n * 10 ** digits) / 10 ** digits : n;
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(shown)} %`;
}

const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];
export function formatBytes(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  let size = n;
  let step = 0;
  while (Math.abs(size) >= 1000 && step < SIZES.length - 1) {
    size /= 1000;
    step += 1;
  }
  return `${formatNumber(size, 3)} ${SIZES[step] ?? "B"}`;
}

/** "1 point", "2 points". */
export function plural(n: number | null | undefined, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}
