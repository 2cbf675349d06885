/** From what a person typed to what is asked of the gateway. Pure. */
import type { Ask } from "../api/discover";

export interface AskForm {
  targets: string;
  exclude: string;
  /** Names of the protocols that are ticked. */
  protocols: string[];
  /** `modbus 1502, s7 1102`: ports other than the usual. */
  ports: string;
  units: string;
  at_once: string;
  timeout_ms: string;
  pause_ms: string;
  /** On whose cable everybody is asked at once; empty: nobody. */
  interface: string;
  /** How long that cable is listened to. */
  listen_s: string;
}

export const EMPTY_ASK: AskForm = { targets: "", exclude: "", protocols: [], ports: "", units: "", at_once: "16", timeout_ms: "1000", pause_ms: "100", interface: "", listen_s: "35" };

export const words = (text: string): string[] => text.split(/[\s,;]+/).filter((w) => w !== "");

export type AskProblems = Partial<Record<keyof AskForm, string>>;

/** The least that can be said without the gateway; ranges and names are read by the gateway, which explains them better. */
export function askProblems(form: AskForm): AskProblems {
  const problems: AskProblems = {};
  const targets = words(form.targets);
  const cable = form.interface.trim();
  if (targets.length === 0 && cable === "") problems.targets = "Say where to look, e.g. 10.20.1.0/24.";
  if (targets.length > 64) problems.targets = `${targets.length} entries: at most 64. Write ranges.`;
  if (cable !== "" && !/^[A-Za-z0-9._:-]{1,15}$/.test(cable)) problems.interface = "Give the name of an interface, e.g. eth0.";
  if (form.protocols.length === 0) problems.protocols = "Choose at least one protocol.";
  const unread = form.ports.replace(PORT, "").replace(/[\s,;]+/g, "");
  if (unread !== "") problems.ports = `Write it like modbus 1502: "${unread}" is not understood.`;
  if ([...form.ports.matchAll(PORT)].some(([, , port]) => Number(port) < 1 || Number(port) > 65_535)) problems.ports = "Ports are 1 to 65535.";
  if (units(form.units).some((u) => !Number.isInteger(u) || u < 0 || u > 255)) problems.units = "Unit ids are whole numbers from 0 to 255.";
  const within = (key: "at_once" | "timeout_ms" | "pause_ms" | "listen_s", low: number, high: number) => {
    const n = Number(form[key]);
    if (form[key].trim() === "" || !Number.isInteger(n) || n < low || n > high) problems[key] = `A whole number from ${low} to ${high}.`;
  };
  within("at_once", 1, 64);
  within("timeout_ms", 100, 10_000);
  within("pause_ms", 0, 10_000);
  if (cable !== "") within("listen_s", 3, 120);
  return problems;
}

const PORT = /([a-z][a-z0-9-]*)[\s:=]+(\d+)/g;

function ports(text: string): Record<string, number[]> {
  const all: Record<string, number[]> = {};
  for (const [, name, port] of text.matchAll(PORT)) if (name) all[name] = [...(all[name] ?? []), Number(port)];
  return all;
}

const units = (text: string): number[] => words(text).map(Number);

export function askOf(form: AskForm, all: string[]): Ask {
  const exclude = words(form.exclude);
  const chosen = units(form.units);
  const other = ports(form.ports);
  return {
    targets: words(form.targets),
    ...(exclude.length > 0 ? { exclude } : {}),
    // All of them is what the gateway takes when none is named: it stays right when protocols are added.
    ...(all.every((name) => form.protocols.includes(name)) ? {} : { protocols: form.protocols }),
    ...(Object.keys(other).length > 0 ? { ports: other } : {}),
    ...(chosen.length > 0 ? { units: chosen } : {}),
    ...(form.interface.trim() === "" ? {} : { interface: form.interface.trim(), listen_s: Number(form.listen_s) }),
    at_once: Number(form.at_once),
    timeout_ms: Number(form.timeout_ms),
    pause_ms: Number(form.pause_ms),
  };
}
