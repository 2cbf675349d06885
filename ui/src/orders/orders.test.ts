import { expect, test } from "vitest";
import type { Command } from "../api/commands";
import type { PlantEvent } from "../api/types";
import { ordersOf } from "./orders";

const command = (more: Partial<Command>): Command => ({
  id: "mes/speed/A-17",
  path: "acme/leeds/filler/target",
  value: 250,
  who: "connection:mes",
  asked: 1000,
  state: "done",
  outcome: "Confirmed",
  steps: [],
  ...more,
});
const event = (more: Partial<PlantEvent>): PlantEvent => ({ id: "x", kind: "change", severity: 1, title: "", refs: ["acme/leeds/filler/target"], start: 500, ...more });

test("parts of one order stand together, newest order first", () => {
  const found = ordersOf(
    [command({}), command({ id: "mes/recipe/A-17", asked: 1001, state: "waiting", outcome: null }), command({ id: "mes/speed/A/18", asked: 2000, outcome: "Rejected", why: "too high" })],
    [],
  );
  expect(found.map((o) => [o.id, o.from, o.wishes.map((w) => `${w.command} ${w.state}`)])).toEqual([
    ["A/18", "mes", ["speed Rejected"]],
    ["A-17", "mes", ["recipe waiting", "speed Confirmed"]],
  ]);
  expect(found[0]?.wishes[0]).toMatchObject({ why: "too high", next: expect.stringContaining("new id") });
});

test("what people and destinations write is no order", () => {
  expect(ordersOf([command({ who: "user:anna" }), command({ who: "destination:hq" })], [event({ id: "command/mes/speed/A-1", title: "user:anna set acme to 3: Confirmed" })])).toEqual([]);
});

test("orders of before a restart and refused ones come from events, each once", () => {
  const told = event({ id: "command/mes/speed/A-17", title: "connection:mes set acme/leeds/filler/target to 250: Confirmed" });
  expect(ordersOf([command({})], [told])).toHaveLength(1);
  const [refused, failed, earlier] = ordersOf(
    [],
    [
      told,
      event({ id: "order/mes/speed/A: 20/18f", start: 900, title: "Order A: 20 of mes was not carried out: it comes too late: given 600 s ago", next: "Correct the order." }),
      event({ id: "command/mes/speed/A-19", start: 800, title: "connection:mes set acme/leeds/filler/target to 9: Failed", text: "The value was 1, the reason: order A-19. Failed: the device refused." }),
    ],
  );
  expect(earlier).toMatchObject({ id: "A-17", wishes: [{ state: "Confirmed", value: "250", why: "" }] });
  expect(failed).toMatchObject({ id: "A-19", wishes: [{ state: "Failed", why: "the device refused." }] });
  expect(refused).toMatchObject({ id: "A: 20", wishes: [{ state: "Rejected", next: "Correct the order." }] });
});
