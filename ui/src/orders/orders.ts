/** What others ordered: the commands that their messages became, and the orders that never became one. */
import type { Command } from "../api/commands";
import type { Outcome, PlantEvent, Value } from "../api/types";

/** One thing that an order asked to be written. */
export interface Wish {
  key: string;
  /** Its name in the file of the connection. */
  command: string;
  path: string;
  name: string;
  unit: string | null;
  /** What was to be written; not known of orders that never became a command. */
  value?: Value;
  before?: Value;
  time: number;
  /** Under way, or its outcome. */
  state: Command["state"] | Outcome;
  why: string;
  next: string;
}

export interface Order {
  key: string;
  /** Its own id, as whoever sent it wrote it. */
  id: string;
  /** The connection that brought it. */
  from: string;
  /** When its newest part came, ms since 1970. */
  time: number;
  wishes: Wish[];
}

const NEXT: Partial<Record<Wish["state"], string>> = {
  waiting: "A second person approves or denies it on the page Commands.",
  Rejected: "Correct the order where it comes from, and send it with a new id.",
  Failed: "Look at the device and at the present value, then send the order with a new id.",
  Unknown: "Look at the machine before anything else: the device may or may not have taken it.",
};

/** `CONNECTION/COMMAND/ORDER`; an order's id may have slashes of its own. */
function parts(id: string): [from: string, command: string, order: string] | null {
  const [from, command, ...rest] = id.split("/");
  return from && command && rest.length > 0 ? [from, command, rest.join("/")] : null;
}

function ofCommand(c: Command): [from: string, order: string, wish: Wish] | null {
  const id = c.who.startsWith("connection:") ? parts(c.id) : null;
  if (!id) return null;
  const state = c.outcome ?? c.state;
  const name = c.name || c.path.split("/").pop() || c.path;
  const known = { value: c.value, before: c.before ?? null, unit: c.unit ?? null };
  return [id[0], id[2], { key: `c/${c.id}`, command: id[1], path: c.path, name, ...known, time: c.asked ?? 0, state, why: c.why ?? "", next: NEXT[state] ?? "" }];
}

/** Events outlive a restart, and tell of orders that were refused before they became a command. */
function ofEvent(e: PlantEvent): [from: string, order: string, wish: Wish] | null {
  const [sort, ...rest] = e.id.split("/");
  const path = e.refs[0] ?? e.source ?? "";
  const wish = { key: e.id, path, name: path.split("/").pop() ?? path, unit: null, time: e.start ?? 0 };
  if (sort === "order") {
    // The last part tells two refusals of one order apart.
    const id = parts(rest.slice(0, -1).join("/"));
    const why = e.title.slice(e.title.indexOf(": ") + 2);
    return id && [id[0], id[2], { ...wish, command: id[1], state: "Rejected", why, next: e.next ?? "" }];
  }
  const id = sort === "command" ? parts(rest.join("/")) : null;
  if (!id || !e.title.startsWith(`connection:${id[0]} `)) return null;
  const said = /^\S+ set \S+ to (.*): (Confirmed|Accepted|Rejected|Failed|Unknown)$/s.exec(e.title);
  const state = (said?.[2] ?? "Unknown") as Outcome;
  const why = said ? (e.text ?? "").split(` ${state}: `)[1] ?? "" : "The gateway was stopped before its outcome was known.";
  return [id[0], id[2], { ...wish, command: id[1], value: said?.[1] ?? null, state, why, next: NEXT[state] ?? "" }];
}

/** Orders, the newest first, each with all it asked for. */
export function ordersOf(commands: Command[], events: PlantEvent[]): Order[] {
  const known = new Set(commands.map((c) => `command/${c.id}`));
  const found = [...commands.map(ofCommand), ...events.filter((e) => !known.has(e.id)).map(ofEvent)];
  const orders = new Map<string, Order>();
  for (const one of found) {
    if (!one) continue;
    const [from, id, wish] = one;
    const key = `${from}/${id}`;
    const order = orders.get(key) ?? { key, id, from, time: wish.time, wishes: [] };
    order.time = Math.max(order.time, wish.time);
    order.wishes.push(wish);
    orders.set(key, order);
  }
  for (const order of orders.values()) order.wishes.sort((a, b) => b.time - a.time || a.command.localeCompare(b.command));
  return [...orders.values()].sort((a, b) => b.time - a.time);
}
