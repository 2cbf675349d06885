/** Text that came from packets, devices, orders: nobody vouches for it. What the gateway cleans, the page does not rely on. */

// Controls (but tab and line feed), soft hyphen, direction marks and overrides, zero-width and other invisible signs, tags.
const TRICKS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffb\u{e0000}-\u{e0fff}]/gu;

/** With every sign that shows nothing, or shows other signs elsewhere, as a dot. */
export function harmless(text: string): string {
  return text.replace(TRICKS, "·");
}

/** The same for every text in an answer. */
export function harmlessDeep<T>(value: T): T {
  if (typeof value === "string") return harmless(value) as T;
  if (Array.isArray(value)) return value.map(harmlessDeep) as T;
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, harmlessDeep(v)])) as T;
  return value;
}

/** For a place of a fixed width, such as a box on the map. */
export function shorten(text: string, most: number): string {
  const signs = [...text];
  return signs.length <= most ? text : `${signs.slice(0, most - 1).join("")}…`;
}
