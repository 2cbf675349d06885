// What came from ERP and MES, seen by whoever must decide about it: outcomes, reasons, next steps, ways in.
//   node orders.mjs SETUP_LINK PLANT_FOLDER IRONBRIDGE_BINARY HOSTILE_ORDER_ID
import assert from "node:assert/strict";
import { accessible, administrator, menu, person, step, waitFor, walk } from "./common.mjs";

const hostile = process.argv[5];
const problems = [];
const page = await person(problems, ["401 GET /api/session"]);
page.on("dialog", (d) => problems.push(`a script of an order ran: ${d.message()}`));

const order = (id) => page.getByRole("table", { name: "Orders received" }).getByRole("row").filter({ hasText: id });
const wish = (id, command) => order(id).getByTestId("wish").filter({ hasText: `(${command})` });

await walk(page, problems, async () => {
  await administrator(page, "otto");

  step("orders and what became of them");
  await menu(page, "Orders");
  await wish("JO-1017", "speed").and(page.locator("[data-state=Confirmed]")).waitFor();
  assert.match(await wish("JO-1017", "speed").innerText(), /→ 250 \/min/);
  const refused = await wish("JO-1018", "speed").innerText();
  assert.match(refused, /Rejected/);
  assert.match(refused, /above the highest allowed value/);
  assert.match(refused, /Next step: .*new id/);
  assert.match(await wish("JO-1018", "recipe").innerText(), /none of the known values/);
  assert.equal(await order("JO-1019").count(), 0, "what asks for nothing is no order");
  await order(hostile).waitFor();
  const ways = page.getByRole("table", { name: "Ways in" });
  await ways.getByRole("row").filter({ hasText: "(speed)" }).getByText(/Confirmed/).waitFor();
  await accessible(page, "orders");

  step("only what one looks for");
  await page.keyboard.press("/");
  await page.keyboard.type("jo-1018");
  await order("JO-1017").waitFor({ state: "detached" });
  await order("JO-1018").waitFor();
  await page.getByRole("searchbox").fill("");
  await order("JO-1017").waitFor();

  step("a second person decides");
  await wish("JO-1017", "recipe").and(page.locator("[data-state=waiting]")).getByRole("link", { name: "To the page Commands" }).click();
  const waiting = page.getByRole("table", { name: "Waiting for a second person" }).getByRole("row").filter({ hasText: "order JO-1017" });
  await waiting.getByRole("button", { name: "Approve", exact: true }).click();
  const dialog = page.getByTestId("decide-dialog");
  await dialog.getByRole("textbox").fill("checked with the planner");
  await dialog.locator("button[type=submit]").click();
  await dialog.waitFor({ state: "hidden" });
  await menu(page, "Orders");
  await wish("JO-1017", "recipe").and(page.locator("[data-state=Confirmed]")).waitFor();

  step("on a telephone");
  await page.setViewportSize({ width: 360, height: 740 });
  await accessible(page, "orders at 360 px");
  await waitFor(async () => (await page.locator("main").innerText()).includes(hostile), "the order's id as text");
});
