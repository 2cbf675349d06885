/** UCUM codes as people write them. Anything unknown stays as it is. */

const WHOLE: Record<string, string> = {
  Cel: "°C",
  "[degF]": "°F",
  K: "K",
  "1": "",
  "{count}": "",
  "[psi]": "psi",
  Ohm: "Ω",
  deg: "°",
  "'": "′",
  mm_Hg: "mmHg",
};
const ATOMS: Record<string, string> = { Ohm: "Ω", um: "µm", us: "µs", uA: "µA", uS: "µS", m3: "m³", m2: "m²", cm3: "cm³", s2: "s²", t: "t" };

export function formatUnit(unit: string | null | undefined): string {
  if (!unit) return "";
  const whole = WHOLE[unit];
  if (whole !== undefined) return whole;
  return unit
    .replace(/\{[^}]*\}/g, "")
    .split(/([./])/)
    .map((part) => (part === "." ? "" : (ATOMS[part] ?? part)))
    .join("");
}
